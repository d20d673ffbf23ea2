"""Keys that occur once: nothing of them stays in memory after their windows and timers."""

import gc
from collections import Counter, deque
from collections.abc import AsyncIterable, Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from msgspec import Struct
from redeclared import TRADES, Deploy, Deployment
from sensors import NewSensors, Reading

from app.market.records import Tick
from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.key_places import KeyPlaces
from eventfold.engine.keyed_state import FEW
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.table import StateTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.operators.processor import Context
from eventfold.operators.recent_alerts import MOST_BYTES, announce
from eventfold.testing import TopologyDriver
from eventfold.topics import Topic
from eventfold.windows import on_close

MINUTE = 60_000

#: Packages whose objects own the containers that are counted.
OURS = {"eventfold", "app", "tickstream_native"}

#: New keys of a minute.
KEYS = 20
#: Minutes until the first count: the longest retention (70), its grace (1) and a checkpoint. From
#: then on a minute takes away exactly what it brings, so that any growth is a leak.
EARLY = 72
#: Minutes until the second count: an hour later, which each window's length and step divide, so
#: that both counts find each window at the same age. A leak of one entry for ten keys makes 120.
LATE = EARLY + 60


class Lock(Struct):
    """Lock of a door until an instant (ms)."""

    door: str
    until: int
    time: int


class ForgetAtOnce:
    """Processor that deletes the state of a door at once, though a timer is set far ahead."""

    def on_record(self, state: int | None, record: Any, context: Context) -> int | None:
        """Keep a door for the length of one record."""
        if state is not None:
            return None
        context.timer(record.time + 10_000 * MINUTE)
        return 1

    def on_time(self, state: int, context: Context) -> int | None:
        """Keep it."""
        del context
        return state

    def on_shared(self, record: Any, context: Context) -> None:
        """Ignore it: no record concerns all doors."""


class AnnounceAll:
    """Processor that announces each record."""

    def on_record(self, state: int | None, record: Any, context: Context) -> int | None:
        """Announce it and keep nothing."""
        announce(Announced(record.door, 2 * record.door, context.offset, record.time), context)
        return state

    def on_time(self, state: int, context: Context) -> int | None:
        """Keep nothing."""
        del context
        return state

    def on_shared(self, record: Any, context: Context) -> None:
        """Ignore it: no record concerns all doors."""


class Announced(Struct):
    """Announcement of a key."""

    door: str
    text: str
    offset: int
    time: int


class DoorTable(NamedTuple):
    """An application with a keyed table of doors."""

    app: TickApp
    locks: Topic
    announced: Topic
    table: KeyedTable


@pytest.fixture
def new_door_table(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], DoorTable]:
    """Return a function that declares a table of doors, new for each test."""

    def declare(process: Any) -> DoorTable:
        conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("doors"))
        app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
        locks = Topic("locks", Lock, key="door", purpose="doors", time="time")
        announced = Topic("announced", Announced, key="door", purpose="what was announced")
        table = KeyedTable(
            app,
            name="doors",
            source=locks,
            process=process,
            state=int,
            shared=tuple[int, Announced],
            outputs=[announced],
            retention=10 * MINUTE,
            help="doors",
        )

        @app.agent(app.batches(locks))
        async def fold_locks(batches: AsyncIterable[Batch]) -> None:
            async for batch in batches:
                await table.fold(batch)

        return DoorTable(app, locks, announced, table)

    return declare


def container_entries(table: StateTable) -> Counter[str]:
    """Count the entries of all containers of a table and its partitions, by their owner's class.

    `KeyPlaces` is left out: it grows with each key until its bytes are used up and starts anew, at
    minutes that depend on the length of the keys. `test_key_in_two_partitions.py` checks its limit.
    """
    others = {id(each) for each in (table.app, table.source, table.__class__)}
    seen: set[int] = set()
    waiting = deque((each, "") for each in (table, *table.open_states()))
    entries: Counter[str] = Counter()
    while waiting:
        each, owner = waiting.popleft()
        if id(each) in seen or id(each) in others or isinstance(each, type | ModuleType):
            continue
        if isinstance(each, KeyPlaces) or (callable(each) and not hasattr(each, "__self__")):
            continue
        seen.add(id(each))
        if isinstance(each, dict | list | set | deque):
            entries[owner] += len(each)
        package = type(each).__module__.split(".")[0]
        if package in OURS:
            owner = type(each).__name__
        if package in OURS | {"builtins", "collections"}:
            waiting.extend((other, owner) for other in gc.get_referents(each))
    return entries


@pytest.mark.parametrize(
    "options",
    [
        {"windows": "1m"},
        {"windows": "5m/1m"},
        {"windows": "60m/1m", "retention": "70m", "emit": on_close()},
        {"windows": "5m/event~1s"},
        {"windows": "session 2m"},
        {"windows": "count 3/2"},
    ],
    ids=lambda options: options["windows"],
)
def test_windows_of_transient_keys_are_freed(
    new_sensors: NewSensors, options: dict[str, Any]
) -> None:
    """Panes, folds and sessions: no more an hour later."""
    sensors = new_sensors(**({"grace": "1m", "retention": "10m"} | options))
    with sensors.drive() as driver:
        assert_nothing_grows(
            driver, sensors.table, sensors.readings, lambda key, now: Reading(key, 1, now)
        )


@pytest.mark.parametrize("windows", ["1m", "5m/1m"])
def test_candles_of_transient_symbols_are_freed(deploy: Deploy, windows: str) -> None:
    """It holds for panes of native code, and for those of pure Python."""
    app = deploy(Deployment(windows=(windows,), grace="1m", retention="10m"))
    (table,) = app.tasks.tables
    with TopologyDriver(app, partitions=1) as driver:
        assert_nothing_grows(driver, table, TRADES, lambda key, now: Tick(key, 1.5, now, 2))


def assert_nothing_grows(
    driver: TopologyDriver, table: StateTable, topic: Topic, make: Callable[[str, int], Any]
) -> None:
    """Assert that no class of a table holds more after another hour of new keys."""
    counts = []
    for minute in range(1, LATE + 1):
        driver.pipe(topic, *(make(f"{minute}-{number}", driver.now) for number in range(KEYS)))
        driver.advance("1m")
        if minute in {EARLY, LATE}:
            counts.append(container_entries(table))
    early, late = counts
    # A difference of counters is what grew.
    assert late - early == Counter()


def test_timers_of_deleted_keys_are_freed(new_door_table: Callable[[Any], DoorTable]) -> None:
    """The timers were set for a week later, and are no longer needed."""
    doors = new_door_table(ForgetAtOnce())
    sizes = []
    with TopologyDriver(doors.app, partitions=1) as driver:
        for minute in range(LATE):
            locks = [Lock(f"{minute}-{number}", 0, driver.now) for number in range(KEYS)]
            driver.pipe(doors.locks, *(each for lock in locks for each in (lock, lock)))
            driver.advance("1m")
            sizes.append(container_entries(doors.table).total())
    # Void timers are dropped when there are more than FEW, here every 50 minutes. The first count
    # holds KEYS of them: as many as come at most between dropping and the next count.
    assert max(sizes) <= sizes[0] + FEW
    assert min(sizes[LATE // 2 :]) <= sizes[0]


def test_recent_alerts_are_bounded_in_bytes(
    new_door_table: Callable[[Any], DoorTable],
) -> None:
    """A record that is too large to be kept is sent only."""
    doors = new_door_table(AnnounceAll())
    with TopologyDriver(doors.app, partitions=1) as driver:
        names = ["small", "x" * (MOST_BYTES // 2)]
        driver.pipe(doors.locks, *(Lock(name, 0, driver.now) for name in names))
        driver.settle()
        assert [each.door for each in driver.topic(doors.announced)] == names
        (state,) = doors.table.keyed_states()
        assert [record.door for _, record in state.shared.values()] == ["small"]
