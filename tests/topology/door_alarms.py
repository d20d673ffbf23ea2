"""An application with a keyed table: a door that is left open for long raises an alarm.

Passages arrive by door; a stateless operator sends each on by badge, to the topic that also holds
the limits for all doors. There a table keeps which doors each badge has open.
"""

from collections.abc import AsyncIterable
from typing import Any, NamedTuple

from msgspec import Struct

from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.stateless import StatelessOperator
from eventfold.kafka.tables import TaskTableManager
from eventfold.operators.processor import Context, Sender
from eventfold.topics import Topic

GRACE, RETENTION, LIMIT = 60_000, 1_800_000, 600_000


class Passage(Struct):
    """Opening of a door, or closing of one (`value` even)."""

    door: str
    badge: str
    value: int
    time: int


class Opened(Struct, tag="opened"):
    """A passage, by badge."""

    badge: str
    door: str
    value: int
    time: int


class Limit(Struct, tag="limit"):
    """Limit for all doors: from now on an open door is an alarm after so many ms."""

    badge: str
    ms: int
    time: int


class Alarm(Struct):
    """Alarm for a door left open for long; `limit` (ms) is the one in force when it was opened."""

    badge: str
    doors: list[str]
    limit: int
    time: int
    late: bool
    stream_time: int


class Open(Struct):
    """State of a badge: the doors it has open."""

    doors: list[str]
    limit: int
    passages: int


def by_badge(passage: Passage, sender: Sender) -> None:
    """Send a passage on by badge; send a limit for all doors to all partitions."""
    if passage.door == "S00":
        for partition in range(2):
            ms = LIMIT + 60_000 * passage.value
            sender.send(Limit(passage.badge, ms, passage.time), partition=partition)
    elif passage.door != "S01":
        opened = Opened(passage.badge, passage.door, passage.value, passage.time)
        sender.send(opened)


class DoorAlarms:
    """Processor that keeps which doors a badge has open, from its passages."""

    def on_record(self, state: Open | None, record: Opened, context: Context) -> Open | None:
        """Note which doors are open; set a timer for when they have been open for too long."""
        if record.value == 3:
            raise ValueError("three is broken")
        limit = context.shared.get("limit", LIMIT)
        state = state or Open([], limit, 0)
        state.passages += 1
        if record.value % 2:
            state.doors.append(record.door)
            state.limit = limit
            context.timer(record.time + limit)
        elif record.door in state.doors:
            state.doors.remove(record.door)
            if not state.doors:
                context.timer(None)
        return None if record.value == 2 else state

    def on_time(self, state: Open, context: Context) -> Open | None:
        """Raise the alarm."""
        if context.key == "broken":
            # The timer fails after half of its work is done.
            state.doors.clear()
            context.share("limit", 1)
            context.timer(context.time + 1)
            context.send(Alarm(context.key, [], 0, context.time, False, 0))
            raise ValueError("there is no alarm for it")
        context.send(
            Alarm(
                *(context.key, list(state.doors), state.limit, context.time),
                *(context.late, context.stream_time),
            )
        )
        return None if state.passages > 4 else state

    def on_shared(self, record: Limit, context: Context) -> None:
        """Store the limit in broadcast state."""
        context.share("limit", record.ms)


class Building(NamedTuple):
    """The application, its topics, its tables."""

    app: TickApp
    passages: Topic
    by_badge: Topic
    alarms: Topic
    table: KeyedTable
    step: StatelessOperator


def declare_building(conf: Settings) -> Building:
    """Declare the application."""
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    passages = Topic("passages", Passage, key="door", purpose="doors opened and closed")
    badges: Any = Opened | Limit
    joined = Topic(
        "by-badge", badges, key="badge", purpose="the same by badge, and limits", partitions=2
    )
    alarms = Topic("alarms", Alarm, key="badge", purpose="doors left open", partitions=1)
    step = StatelessOperator(
        app,
        name="by-badge",
        source=passages,
        make=by_badge,
        outputs=[joined],
        help="passages by badge",
    )
    table = KeyedTable(
        app,
        name="doors",
        source=joined,
        process=DoorAlarms(),
        state=Open,
        shared=int,
        key=lambda record: None if isinstance(record, Limit) else record.badge,
        outputs=[alarms],
        retention=RETENTION,
        grace=GRACE,
        help="what each badge has open",
    )

    @app.agent(app.batches(passages))
    async def send_on(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await step.fold(batch)

    @app.agent(app.batches(joined))
    async def watch_doors(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    return Building(app, passages, joined, alarms, table, step)
