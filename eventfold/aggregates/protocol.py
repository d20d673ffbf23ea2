"""The protocol of aggregates, which fold the records of a pane into a state.

An aggregate is a monoid: a `zero`, an `add` of one record, an associative and commutative
`merge`. So panes can be folded into any window, in any order of arrival.
"""

from typing import Any, Protocol, Self, TypeVar

R_contra = TypeVar("R_contra", contravariant=True)
S = TypeVar("S")


class Aggregate(Protocol[R_contra, S]):
    """Aggregate of a table. A user's own aggregate needs these three methods and two attributes.

    `state` is the msgspec Struct that a row stores. Its fields are of types that MessagePack can
    write, or `Packed` objects. Raise `version` whenever its shape changes, so that rows of another
    shape are detected instead of misread.

    Two more members are optional; see `value_of` and `layout_of`. A method `value(state)` returns
    the result that users see. An attribute `layout` describes everything that the state depends
    on, version included, if class and version alone do not.

    Two more methods are optional, for speed. `add_all(state, records, times, offsets, indexes)`
    folds the records of a batch at `indexes` (one or more), which ascend by (time, offset), into
    `state`; an exception must leave the state unchanged. `merge_runs(states, runs)` returns one
    state for each run `(first, stop)`, merged from `states[first:stop]` (one or more): these are
    states of a key's panes, and all records of one are earlier than those of the next.
    """

    state: type[Any]
    version: int

    def zero(self) -> S:
        """Return an empty state."""

    def add(self, state: S, record: R_contra, time: int, offset: int) -> None:
        """Fold one record into `state`, in place.

        `(time, offset)` is its event time (ms) and source offset, which order records
        independently of their arrival. An exception sends the record to the dead letters, so
        raise before changing the state.
        """

    def merge(self, left: S, right: S) -> S:
        """Return a new state with the records of both; changes neither. Must not raise."""


def value_of(aggregate: Aggregate[Any, Any], state: Any) -> Any:
    """Return an aggregate's `value` of a state, or the state itself without such a method."""
    value = getattr(aggregate, "value", None)
    return state if value is None else value(state)


def layout_of(aggregate: Aggregate[Any, Any]) -> str:
    """Return a description of an aggregate's rows: its `layout`, or class and version (`Ohlc 1`).

    Rows of another layout hold something else, although they may have the same shape.
    """
    layout: str | None = getattr(aggregate, "layout", None)
    return layout or f"{type(aggregate).__name__} {aggregate.version}"


class Packed(Protocol):
    """An object that a row stores as the bytes that it returns.

    A state annotates the field with the object's class. Each checkpoint packs the object for each
    pane that changed, so `to_bytes` should take a few microseconds at most.
    """

    def to_bytes(self) -> bytes:
        """Return bytes that `from_bytes` parses."""

    @classmethod
    def from_bytes(cls, raw: bytes, /) -> Self:
        """Return the object that `raw` was made from. Raises ValueError for invalid bytes."""
