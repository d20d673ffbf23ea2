"""Processors of records, and their context: it sends records, keeps state and sets timers.

A processor affects only its state and its context, so it is tested without a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventfold.topics import Topic


class LateError(ValueError):
    """A record arrived late: its event time was before the watermark."""

    @classmethod
    def of(cls, context: Context) -> LateError:
        """Describe how late the record of `context` is."""
        behind = (context.stream_time - context.time) / 1000
        return cls(f"{behind:,.3f} s behind stream time, which is more than the grace")


class Sender(Protocol):
    """Context of a stateless operator: the record's coordinates and the collector of outputs."""

    @property
    def partition(self) -> int:
        """Partition of the source."""

    @property
    def offset(self) -> int:
        """Offset of the record in its partition."""

    @property
    def time(self) -> int:
        """Event time of the record (ms)."""

    @property
    def stream_time(self) -> int:
        """Stream time of the partition (ms): the highest event time, this record's included."""

    def send(
        self,
        record: Any,
        *,
        to: Topic | None = None,
        partition: int | None = None,
        offsets: tuple[int, ...] = (),
    ) -> None:
        """Write a record with the next checkpoint, exactly once, with a `source` header.

        `to` is one of the declared outputs; by default it is the one with the record's type. The
        key is in the field that the topic names, and determines the partition unless `partition`
        is given. The header names the record that is handled, or those at `offsets` of the same
        source partition. Raises TypeError for a topic that is not declared.
        """


class Context(Sender, Protocol):
    """Context of a processor that handles a record or a timer of a key.

    In a timer, `time` is the time that it was set for (ms), and `offset` is that of the record
    whose arrival fired it.
    """

    @property
    def key(self) -> str:
        """Key of the record or timer; empty in `on_shared`."""

    @property
    def late(self) -> bool:
        """Whether the record is late: its event time is before the watermark."""

    @property
    def shared(self) -> Mapping[str, Any]:
        """Broadcast state of the partition: the values that all its keys share, by name."""

    def share(self, name: str, value: Any | None) -> None:
        """Set a value of the partition's broadcast state; None removes it."""

    def timer(self, at: int | None) -> None:
        """Set the key's timer, which fires when the watermark reaches `at` (ms); None cancels it.

        The watermark is stream time less the grace. A key has one timer; the next call replaces it.
        """


class FunctionProcessor:
    """Processor of one function for records, and maybe another for timers."""

    __slots__ = ("on_record", "on_time")

    def __init__(self, on_record: Callable[[Any, Any, Context], Any]) -> None:
        self.on_record = on_record
        self.on_time: Callable[[Any, Context], Any] = _no_timer

    def on_shared(self, record: Any, context: Context) -> None:
        """Raise TypeError: broadcast state needs a processor that is a class."""
        raise TypeError(f"{type(record).__name__} has no key, {context.key!r}")


def _no_timer(_state: Any, _context: Context) -> Any:
    raise TypeError("a timer was set, and there is no function for it: @NAME.on_timer")


class Process(Protocol):
    """Processor: computes the state of each key from its records, in the order of their offsets.

    If `on_record` raises, the record becomes a dead letter; the function must leave the state
    unchanged. If a timer raises, a dead letter describes it, the timer does not fire again, and
    the engine restores the state.
    """

    def on_record(self, state: Any | None, record: Any, context: Context) -> Any | None:
        """Return the key's state after a record, maybe the same object; None deletes it."""

    def on_time(self, state: Any, context: Context) -> Any | None:
        """Return the key's state after the timer set by `timer`; None deletes it."""

    def on_shared(self, record: Any, context: Context) -> None:
        """Process a record without a key, which concerns all keys: change the broadcast state."""
