"""What a function of one's own is given that handles records: it sends, keeps state, sets a clock.

The functions are pure but for what they do to their context, so they are tested without a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventfold.topics import Topic


class Sender(Protocol):
    """What handles a record by itself is given with it."""

    @property
    def partition(self) -> int:
        """The partition of the source."""

    @property
    def offset(self) -> int:
        """The record's offset there."""

    @property
    def time(self) -> int:
        """The record's event time (ms)."""

    @property
    def stream_time(self) -> int:
        """Highest event time of the partition so far (ms), this record's included."""

    def send(
        self,
        record: Any,
        *,
        to: Topic | None = None,
        partition: int | None = None,
        offsets: tuple[int, ...] = (),
    ) -> None:
        """Write a record with the next checkpoint: exactly once, with its `source` header.

        To the topic of its type among the declared outputs, unless one of them is named; under
        the key in the field that the topic says. Raises TypeError for a topic not declared.
        The header names what is handled, or the records at `offsets` of the same partition.
        """


class Context(Sender, Protocol):
    """What handles a record of a key, or a moment in its life, is given beside the key's state.

    At a moment, `time` is the one asked for, `offset` that of the record that let it come.
    """

    @property
    def key(self) -> str:
        """The key; empty where a record concerns all of them."""

    @property
    def late(self) -> bool:
        """Whether the record came when stream time had passed it by more than the grace."""

    @property
    def shared(self) -> Mapping[str, Any]:
        """What all keys of the partition share, by name."""

    def share(self, name: str, value: Any | None) -> None:
        """Let all keys of the partition share a value; None takes it away."""

    def wake(self, at: int | None) -> None:
        """Be called again when stream time less the grace reaches `at` (ms); None: not any more.

        A key has one such moment; the next call replaces it.
        """


class Process(Protocol):
    """How the state of a key follows from its records, in the order of their offsets.

    A function that raises at a record has to leave the state as it was: the record becomes a dead
    letter. So does a timer that raises; it is over, and the state is what it was before.
    """

    def on_record(self, state: Any | None, record: Any, context: Context) -> Any | None:
        """Give the key's state after a record; None forgets it. It may be the same object."""

    def on_time(self, state: Any, context: Context) -> Any | None:
        """Give the key's state after the moment asked for by `wake`; None forgets it."""

    def on_shared(self, record: Any, context: Context) -> None:
        """Take in a record without a key: it concerns all of them."""
