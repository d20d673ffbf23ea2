"""An application of trades that is redeclared with other settings, as a deployment does."""

from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from app.market.records import LateTick, Tick
from app.settings import Settings
from app.worker import TickApp
from eventfold.aggregates import Ohlc
from eventfold.engine.batch import Batch
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.records.candles import Candle, candle
from eventfold.topics import Topic
from eventfold.windows import EmitStrategy, WindowResult

TRADES = Topic("trades", Tick, key="symbol", purpose="what is traded")
BARS = Topic("bars", Candle, key="symbol", purpose="windows of trades")
LATE = Topic("trades-late", LateTick, key="symbol", purpose="trades that came too late")


class Deployment(NamedTuple):
    """Settings that an operator may change between two runs. Durations as text."""

    windows: tuple[str, ...] = ("1m",)
    grace: str = "5m"
    retention: str = "1d"
    emit: EmitStrategy | None = None
    publish_interval: str = "1s"
    standbys: int = 1


#: Type of the fixture `deploy`: it declares the application of a deployment.
Deploy = Callable[[Deployment], TickApp]


def bar(result: WindowResult) -> Candle:
    """Make the record of a window; for the start of a retracted session, one of no trades."""
    if result.count:
        return candle(result)
    window = result.window
    prices = (0.0, 0.0, 0.0, 0.0, 0, None, 0, 0.0)
    return Candle(
        *(result.key, window.size, window.advance, result.start, result.end, *prices),
        *(result.revision, result.final, result.late, result.partition),
        *(result.first_offset, result.last_offset),
    )


def declare(deployment: Deployment, directory: Path, *, native: bool) -> TickApp:
    """Declare the application, with or without the native extension."""
    sessions = deployment.windows[0].startswith("session")
    options: dict[str, Any] = {
        "APP_DATADIR": directory,
        "TICKSTREAM_NATIVE": native,
        "TICKSTREAM_PUBLISH_INTERVAL": deployment.publish_interval,
        "TABLE_STANDBY_REPLICAS": deployment.standbys,
    }
    app = TickApp(Settings(**options), broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    table = WindowTable(
        app,
        name="bars",
        source=TRADES,
        windows=deployment.windows,
        aggregate=Ohlc(),
        record=bar if sessions else candle,
        grace=deployment.grace,
        retention=deployment.retention,
        emit=deployment.emit,
        help="windows of trades",
    )
    table.publish(BARS)
    table.late(LATE)

    @app.agent(app.batches(TRADES))
    async def fold_trades(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    return app
