"""Aggregates: what a pane keeps of the records in it.

An aggregate is a monoid: a `zero`, an `add` of one record, an associative and commutative
`merge`. So panes can be folded into any window, in any order of arrival.
"""

from typing import Any, Protocol, TypeVar

R_contra = TypeVar("R_contra", contravariant=True)
S = TypeVar("S")


class Aggregate(Protocol[R_contra, S]):
    """What a table computes. A user's own needs these three methods and two attributes.

    `state` is the msgspec Struct that a row stores, of what MessagePack can write and of `Packed`
    objects; raise `version` whenever its shape changes, so that rows of another shape are
    recognised instead of misread.

    Two more are looked for, by `value_of` and `layout_of`: a method `value(state)`, which gives
    what people want to see of a state, and an attribute `layout`, which tells in words all that
    the state depends on, version included, where class and version alone don't.

    And two where many can be folded faster than one by one:
    `add_all(state, records, times, offsets, indexes)` folds the records at `indexes` (one or
    more) of a batch, which ascend by (time, offset), into `state`; an exception has to leave that
    as it was. `merge_runs(states, runs)` gives one state for each run `(first, stop)`, merged
    from `states[first:stop]`, one or more: states of a key's panes, each with records that are
    all earlier than those of the next.
    """

    state: type[Any]
    version: int

    def zero(self) -> S:
        """Give the state of no records."""

    def add(self, state: S, record: R_contra, time: int, offset: int) -> None:
        """Fold one record into `state`, in place.

        `(time, offset)` is event time (ms) and source offset: what orders records, whatever
        order they come in. An exception sends the record to the dead letters, so raise before
        changing the state.
        """

    def merge(self, left: S, right: S) -> S:
        """Give a new state that holds the records of both; changes neither. Must not raise."""


def value_of(aggregate: Aggregate[Any, Any], state: Any) -> Any:
    """Give what people want to see of a state: the state itself where an aggregate has no `value`.

    For instance a number, and None where it would be the number of nothing.
    """
    value = getattr(aggregate, "value", None)
    return state if value is None else value(state)


def layout_of(aggregate: Aggregate[Any, Any]) -> str:
    """Say what an aggregate's rows hold: its `layout`, or class and version, such as `Ohlc 1`.

    Rows of another layout hold something else, although they may look the same.
    """
    layout: str | None = getattr(aggregate, "layout", None)
    return layout or f"{type(aggregate).__name__} {aggregate.version}"
