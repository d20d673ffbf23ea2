"""A keyed table is restarted with another grace: its timers do not run backwards."""

from collections.abc import AsyncIterable
from pathlib import Path

from msgspec import Struct

from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.operators.processor import Context
from eventfold.testing import TopologyDriver
from eventfold.topics import Topic

MINUTE = 60_000


class Beat(Struct):
    """Heartbeat of a host."""

    host: str
    time: int


class Heard(Struct):
    """Record that a table made of a beat, or of the silence after it."""

    host: str
    what: str
    time: int


BEATS = Topic("beats", Beat, key="host", purpose="what is alive")
HEARD = Topic("heard", Heard, key="host", purpose="what was made of it")


class Silence:
    """Processor that reports a host as silent a minute after its last beat."""

    def on_record(self, state: int | None, record: Beat, context: Context) -> int:
        """Set a timer for when the next beat is overdue."""
        last = max(record.time, state or 0)
        context.send(Heard(record.host, "late" if context.late else "on time", record.time))
        context.timer(last + MINUTE)
        return last

    def on_time(self, state: int, context: Context) -> int | None:
        """Report the silence."""
        context.send(Heard(context.key, "silent", state))
        return None

    def on_shared(self, record: Beat, context: Context) -> None:
        """Ignore it: no record concerns all hosts."""


def declare(directory: Path, grace: int) -> TickApp:
    """Declare the application, with a grace (ms)."""
    conf = Settings(APP_DATADIR=directory)
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    table = KeyedTable(
        app,
        name="hosts",
        source=BEATS,
        process=Silence(),
        state=int,
        outputs=[HEARD],
        retention=24 * 60 * MINUTE,
        grace=grace,
        help="when hosts were last heard of",
    )

    @app.agent(app.batches(BEATS))
    async def fold_beats(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    return app


def heard(driver: TopologyDriver) -> list[tuple[str, str]]:
    """Settle the driver; return host and kind of each new record."""
    driver.settle()
    return [(each.host, each.what) for each in driver.read(HEARD)]


def test_record_before_a_fired_timer_is_late_under_any_grace(tmp_path: Path) -> None:
    """The silence was reported: a beat before it is late, also after a restart."""
    with TopologyDriver(declare(tmp_path, MINUTE), partitions=1) as driver:
        noon = driver.now
        driver.pipe(BEATS, Beat("a", noon), Beat("b", noon + 10 * MINUTE))
        assert heard(driver) == [("a", "on time"), ("a", "silent"), ("b", "on time")]
        driver.restart(app=declare(tmp_path, 30 * MINUTE))
        driver.pipe(BEATS, Beat("a", noon + MINUTE // 2), Beat("b", noon + 9 * MINUTE))
        assert heard(driver) == [("a", "late"), ("b", "on time")]
        # The watermark stays until stream time has passed it by the new grace; then it goes on.
        driver.pipe(BEATS, Beat("b", noon + 11 * MINUTE))
        assert heard(driver) == [("a", "silent"), ("b", "on time")]
        driver.advance("1h")
        driver.pipe(BEATS, Beat("b", noon + 38 * MINUTE), Beat("c", noon + 9 * MINUTE))
        assert heard(driver) == [("b", "on time"), ("c", "on time")]
        driver.pipe(BEATS, Beat("c", noon + 9 * MINUTE - 1), Beat("b", noon + 40 * MINUTE))
        assert heard(driver) == [("c", "late"), ("c", "silent"), ("b", "on time")]
