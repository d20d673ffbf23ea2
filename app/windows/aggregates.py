"""Aggregates: what a pane keeps of the records in it.

An aggregate is a monoid: a `zero`, an `add` of one record, an associative and commutative
`merge`. So panes can be folded into any window, in any order of arrival.
"""

from typing import Any, Protocol, TypeVar

R_contra = TypeVar("R_contra", contravariant=True)
S = TypeVar("S")


class Aggregate(Protocol[R_contra, S]):
    """What a table computes. A user's own needs these three methods and two attributes.

    `state` is the msgspec Struct that a row stores; raise `version` whenever its shape changes,
    so that rows of another shape are recognised instead of misread.
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
        """Give a new state that holds the records of both; changes neither."""
