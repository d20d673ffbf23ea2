"""Keys that occur once: nothing of them stays in memory after their windows and timers."""

import gc
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterator
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
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.table import StateTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.operators.processor import Context
from eventfold.operators.recent_alerts import MOST_BYTES, announce
from eventfold.testing import TopologyDriver
from eventfold.topics import Topic
from eventfold.windows import on_close

MINUTE = 60_000

#: Packages whose objects are counted with their references.
OURS = {"eventfold", "app", "tickstream_native"}

#: Keys of a minute; minutes until the size is stable, and until it is checked again.
KEYS, EARLY, LATE = 50, 48, 128
#: Minutes between two counts, which cost more than the records; no divisor of a window's length.
BETWEEN = 8


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


def container_entries(table: StateTable) -> int:
    """Count the entries of all containers that belong to a table and its partitions."""
    others = {id(each) for each in (table.app, table.source, table.__class__)}
    seen: set[int] = set()
    waiting = deque([table, *table.open_states()])
    total = 0
    while waiting:
        each = waiting.popleft()
        if id(each) in seen or id(each) in others or isinstance(each, type | ModuleType):
            continue
        if callable(each) and not hasattr(each, "__self__"):
            continue
        seen.add(id(each))
        if isinstance(each, dict | list | set | deque):
            total += len(each)
        module = type(each).__module__
        if module.split(".")[0] in {
            "eventfold",
            "app",
            "builtins",
            "collections",
            "tickstream_native",
        }:
            waiting.extend(gc.get_referents(each))
    return total


def minutes_of_new_keys(
    driver: TopologyDriver, topic: Topic, make: Callable[[str, int], Any]
) -> Iterator[int]:
    """Pipe records of new keys, minute by minute; yield some of the minutes."""
    for minute in range(LATE):
        driver.pipe(topic, *(make(f"{minute}-{number}", driver.now) for number in range(KEYS)))
        driver.advance("1m")
        if minute % BETWEEN == BETWEEN - 1:
            yield minute


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
    """Panes, folds and sessions: as much after two hours as after 40 minutes."""
    sensors = new_sensors(**({"grace": "1m", "retention": "10m"} | options))
    with sensors.drive() as driver:
        assert_size_stays_bounded(
            driver, sensors.table, sensors.readings, lambda key, now: Reading(key, 1, now)
        )


@pytest.mark.parametrize("windows", ["1m", "5m/1m"])
def test_candles_of_transient_symbols_are_freed(deploy: Deploy, windows: str) -> None:
    """It holds for panes of native code, and for those of pure Python."""
    app = deploy(Deployment(windows=(windows,), grace="1m", retention="10m"))
    (table,) = app.tasks.tables
    with TopologyDriver(app, partitions=1) as driver:
        assert_size_stays_bounded(driver, table, TRADES, lambda key, now: Tick(key, 1.5, now, 2))


def assert_size_stays_bounded(
    driver: TopologyDriver, table: StateTable, topic: Topic, make: Callable[[str, int], Any]
) -> None:
    """Assert that a table holds as much after two hours of new keys as after 40 minutes."""
    table._places = KeyPlaces(room=100_000)
    sizes = {
        minute: container_entries(table) for minute in minutes_of_new_keys(driver, topic, make)
    }
    middle = (EARLY + LATE) // 2
    early = max(size for minute, size in sizes.items() if EARLY <= minute < middle)
    assert max(size for minute, size in sizes.items() if minute >= middle) <= early + 4 * KEYS


def test_timers_of_deleted_keys_are_freed(new_door_table: Callable[[Any], DoorTable]) -> None:
    """The timers were set for a week later, and are no longer needed."""
    doors = new_door_table(ForgetAtOnce())
    doors.table._places = KeyPlaces(room=100_000)
    sizes = []
    with TopologyDriver(doors.app, partitions=1) as driver:
        for minute in range(LATE):
            locks = [Lock(f"{minute}-{number}", 0, driver.now) for number in range(KEYS)]
            driver.pipe(doors.locks, *(each for lock in locks for each in (lock, lock)))
            driver.advance("1m")
            if minute % BETWEEN == BETWEEN - 1:
                sizes.append(container_entries(doors.table))
    assert max(sizes) < KEYS * LATE / 2


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
