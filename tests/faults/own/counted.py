"""NAME-in -> NAME -> NAME-out: count the records of each key, with a fault in the code.

`FAULT` names the fault, which happens where a batch has a record of the key `poison`.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterable

from msgspec import Struct

from app import app
from eventfold.engine.batch import Batch
from eventfold.engine.window_table import WindowTable
from eventfold.topics import Topic
from eventfold.windows import Rejection, WindowResult

NAME = os.environ["NAME"]
FAULT = os.environ.get("FAULT", "")


class Event(Struct):
    """Something happened."""

    key: str
    value: int
    time: int


class Sums(Struct):
    """State of some events."""

    total: int = 0
    poisoned: bool = False


class Sum:
    """The sum of the values."""

    state, version = Sums, 1

    def zero(self) -> Sums:
        """Return the state of no event."""
        return Sums()

    def add(self, state: Sums, event: Event, _time: int, _offset: int) -> None:
        """Fold one event into the state."""
        state.total += event.value
        state.poisoned = state.poisoned or event.key == "poison"

    def merge(self, left: Sums, right: Sums) -> Sums:
        """Return the state of both sets of events."""
        if FAULT == "merge" and left.poisoned:
            raise ArithmeticError("can't merge poison")
        return Sums(left.total + right.total, left.poisoned or right.poisoned)


class Counted(Struct):
    """A key in a window."""

    key: str
    start: int
    count: int
    total: int
    revision: int


class Late(Struct):
    """An event after its grace."""

    key: str
    value: int


def counted(window: WindowResult) -> Counted:
    """Make the record of a window."""
    if FAULT == "record" and window.key == "poison":
        raise ArithmeticError("can't count poison")
    return Counted(window.key, window.start, window.count, window.state.total, window.revision)


def late(event: Event, _: Rejection) -> Late:
    """Make the record of a late event."""
    if FAULT == "late" and event.key == "poison":
        raise ArithmeticError("can't tell of poison")
    return Late(event.key, event.value)


IN = Topic(f"{NAME}-in", "key", Event, "what happened")
OUT = Topic(f"{NAME}-out", "key", Counted, "how often")
LATE = Topic(f"{NAME}-late", "key", Late, "what came too late")

table = WindowTable(
    app,
    name=NAME,
    source=IN,
    windows="2m/1m",
    aggregate=Sum(),
    record=counted,
    grace="1m",
    retention="1d",
    help="How often",
)
table.publish(OUT)
table.late(LATE, late)

raise_count = 0


def raise_on_poison(batch: Batch, *, times: int) -> None:
    """Raise at the first `times` batches with poison in them."""
    global raise_count  # noqa: PLW0603  # counted for the whole process
    if raise_count < times and any(record.key == b"poison" for record in batch.raw):
        raise_count += 1
        raise ArithmeticError(f"can't see poison ({raise_count})")


@app.agent(app.batches(IN))
async def count_events(batches: AsyncIterable[Batch]) -> None:
    """Fold events into their counts."""
    async for batch in batches:
        if FAULT == "before once":
            raise_on_poison(batch, times=1)
        if FAULT == "before":
            raise_on_poison(batch, times=1_000)
        if FAULT == "slow":
            await asyncio.sleep(2)
        if FAULT == "blocking" and any(record.key == b"poison" for record in batch.raw):
            time.sleep(10)  # noqa: ASYNC251  # this is the fault
        await table.fold(batch)
        if FAULT == "after":
            raise_on_poison(batch, times=1_000)
