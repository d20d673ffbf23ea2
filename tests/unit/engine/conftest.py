"""An application that is never started, the tables declared in it, and their partitions."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from partition_driver import Drive, NewTable, PartitionDriver, using
from raw_records import Raw

from app.market.topics import CANDLES, TICKS, TICKS_LATE
from app.settings import Settings
from app.worker import TickApp
from eventfold.aggregates import Ohlc
from eventfold.engine.table import StateTable
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.native import extension
from eventfold.records.candles import candle
from eventfold.windows import parse_windows


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> TickApp:
    """Make an application that meets no broker."""
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("application"))
    return TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)


@pytest.fixture(scope="module", params=["native", "pure"])
def implementation(request: pytest.FixtureRequest, application: TickApp) -> Iterator[str]:
    """Run a module's tests with the native extension, and again with the pure-Python fallback."""
    if request.param == "native" and extension() is None:
        pytest.skip("the native extension is not installed: make native")
    with using(application, native=request.param == "native"):
        yield request.param


@pytest.fixture(scope="session")
def new_table(application: TickApp) -> NewTable:
    """Return a function that declares candle tables, one of each definition: they keep no state."""
    declared: dict[Any, WindowTable] = {}
    names = count()

    def declare(
        windows: str, grace: int, retention: int | None = None, **options: Any
    ) -> WindowTable:
        key = (windows, grace, retention, *sorted(options.items()))
        if key not in declared:
            parsed = parse_windows(windows)
            longest = max(window.size for window in parsed)
            table = WindowTable(
                application,
                name=f"candles-{next(names)}",
                source=TICKS,
                windows=parsed,
                grace=grace,
                retention=longest + grace if retention is None else retention,
                help="candles",
                **({"aggregate": Ohlc(), "record": candle} | options),
            )
            table.publish(CANDLES, table.record)
            table.late(TICKS_LATE)
            declared[key] = table
        return declared[key]

    return declare


@pytest.fixture(scope="session")
def drive(application: TickApp, tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """Return a function that opens a partition of a table, over a store of its own."""
    directory = tmp_path_factory.mktemp("stores")
    names = count()

    def start(table: StateTable, raw: Sequence[Raw], **options: Any) -> PartitionDriver:
        path = directory / f"store-{next(names)}"
        return PartitionDriver(application, table, path, raw, **options)

    return start
