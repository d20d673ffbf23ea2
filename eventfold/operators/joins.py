"""A windowed stream-stream join: pairs of records of a key that are close in event time.

    Join(Searched, Clicked, kind="left", after=600_000, pair=search_click, alone=unclicked)

Both streams come from one topic, each with a record type of its own. A `KeyedTable` keeps, for
each key, the records that may still find a partner: `state=Waiting[Searched, Clicked]`. The pairs
follow from event time alone: as long as no record is late, they do not depend on the order of
arrival.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, get_args

from msgspec import Struct

from eventfold.operators.processor import LateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventfold.operators.processor import Context

L = TypeVar("L")
R = TypeVar("R")
T = TypeVar("T")

#: inner: pairs only. left: also each left record without a partner. outer: also each right one.
Kind = Literal["inner", "left", "outer"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Reason why a record has no partner: none arrived in time; or the record itself was late, by the
#: table's grace, and was not matched.
Reason = Literal["unmatched", "late"]


class Held(Struct, Generic[T], array_like=True, gc=False):
    """A record that may still find a partner; `time` in ms, `offset` that in the joined topic."""

    time: int
    offset: int
    record: T
    #: Number of partners found so far.
    partners: int = 0


class Waiting(Struct, Generic[L, R], array_like=True):
    """State of a key: the records that may still find a partner, in order of time and offset."""

    left: list[Held[L]]
    right: list[Held[R]]


class Pair(NamedTuple):
    """Two joined records: `right` is the `of_left`-th partner of `left`, and conversely."""

    left: Any
    right: Any
    #: Ordinal numbers from 1, in the order in which the pairs were found.
    of_left: int
    of_right: int


class CrowdedError(ValueError):
    """Rejection of a record: `most` records of its key and side wait already. A dead letter."""


class Join:
    """Processor that joins records of a key with right.time - left.time in [-before, after] (ms).

    `left` and `right` are the types of the records. `pair` returns the records to send for a Pair,
    `alone` those for a record without a partner and the Reason. `matches(left, right)` may reject
    two records that are close enough; without it, all of them are pairs.

    A record waits until the watermark (stream time less the table's grace) has passed the last
    time that a partner can have. If it has none by then, it goes to `alone` if `kind` includes its
    side. Late records find no partners: they go to `alone` at once if `kind` includes their side;
    else they raise LateError, so they are dead letters.

    At most `most` records wait for each key and side. The next raises CrowdedError, so it is a dead
    letter: the memory of a key is bounded, and no excess is dropped silently. Raises ValueError for
    an unknown `kind`, a `kind` without the `alone` that it needs, or an empty interval.
    """

    def __init__(
        self,
        left: type,
        right: type,
        *,
        pair: Callable[[Pair], Iterable[Any]],
        alone: Callable[[Any, Reason], Iterable[Any]] | None = None,
        kind: Kind = "inner",
        before: int = 0,
        after: int = 0,
        matches: Callable[[Any, Any], bool] | None = None,
        most: int = 1000,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of join: {', '.join(KINDS)}")
        if kind != "inner" and alone is None:
            raise ValueError(f"a join of kind {kind} says of each record alone what is sent")
        if before + after < 0:
            raise ValueError(f"no times lie between -{before} and {after} ms")
        self.left = left
        self.right = right
        self.before = before
        self.after = after
        self.most = most
        self._pair = pair
        self._alone = alone
        self._matches = matches
        self._says_left = kind in {"left", "outer"}
        self._says_right = kind == "outer"

    # -- the processor, called by a KeyedTable

    def on_record(
        self, state: Waiting[Any, Any] | None, record: Any, context: Context
    ) -> Waiting[Any, Any] | None:
        """Send the pairs of a record with those that wait, and add it to them.

        Raises CrowdedError if `most` records of its key and side wait.
        """
        is_left = isinstance(record, self.left)
        if context.late:
            if not self._reports(is_left=is_left):
                raise LateError.of(context)
            self._emit_unmatched(record, "late", context, is_left=is_left)
            return state
        state = state or Waiting([], [])
        own, others = (state.left, state.right) if is_left else (state.right, state.left)
        if len(own) >= self.most:
            side = "left" if is_left else "right"
            raise CrowdedError(
                f"key {context.key!r} has {self.most} {type(record).__name__} records waiting for "
                f"a partner, as many as are kept on the {side} side"
            )
        held = Held(context.time, context.offset, record)
        found = self._partners(held, others, is_left=is_left)
        # Pairs are made before any partner is counted: if one raises, the state is unchanged.
        self._send_pairs(held, found, context, is_left=is_left)
        for other in found:
            other.partners += 1
        held.partners = len(found)
        insort(own, held, key=_place)
        context.timer(self._next_end(state))
        return state

    def on_time(self, state: Waiting[Any, Any], context: Context) -> Waiting[Any, Any] | None:
        """Remove the records for which no partner can arrive any more."""
        for is_left, held in (True, state.left), (False, state.right):
            ended = bisect_left(held, context.time - self._end(0, is_left=is_left) + 1, key=_time)
            for each in held[:ended]:
                if not each.partners:
                    self._emit_unmatched(
                        each.record, "unmatched", context, is_left=is_left, offset=each.offset
                    )
            del held[:ended]
        if not state.left and not state.right:
            return None
        context.timer(self._next_end(state))
        return state

    def on_shared(self, record: Any, context: Context) -> None:
        """Raise TypeError: a join has no records that concern all keys."""
        raise TypeError(f"a join of keys has no use for {type(record).__name__}, {context.key!r}")

    # -- parts of the processor

    def _partners(
        self, held: Held[Any], others: list[Held[Any]], *, is_left: bool
    ) -> list[Held[Any]]:
        first, last = (self.before, self.after) if is_left else (self.after, self.before)
        begin = bisect_left(others, held.time - first, key=_time)
        end = bisect_right(others, held.time + last, key=_time)
        close, matches = others[begin:end], self._matches
        if matches is None:
            return close
        if is_left:
            return [each for each in close if matches(held.record, each.record)]
        return [each for each in close if matches(each.record, held.record)]

    def _send_pairs(
        self, held: Held[Any], found: list[Held[Any]], context: Context, *, is_left: bool
    ) -> None:
        for number, other in enumerate(found, 1):
            left, right = (held, other) if is_left else (other, held)
            counts = (number, other.partners + 1) if is_left else (other.partners + 1, number)
            for made in self._pair(Pair(left.record, right.record, *counts)):
                context.send(made, offsets=(left.offset, right.offset))

    def _reports(self, *, is_left: bool) -> bool:
        """Return whether records of a side without a partner are sent."""
        return self._says_left if is_left else self._says_right

    def _emit_unmatched(
        self,
        record: Any,
        reason: Reason,
        context: Context,
        *,
        is_left: bool,
        offset: int | None = None,
    ) -> None:
        if self._alone is None or not self._reports(is_left=is_left):
            return
        for made in self._alone(record, reason):
            context.send(made, offsets=(context.offset if offset is None else offset,))

    def _end(self, time: int, *, is_left: bool) -> int:
        """Return the watermark (ms) from which on no partner of a record of `time` can arrive."""
        return time + (self.after if is_left else self.before) + 1

    def _next_end(self, state: Waiting[Any, Any]) -> int:
        return min(
            self._end(held[0].time, is_left=is_left)
            for is_left, held in ((True, state.left), (False, state.right))
            if held
        )


def _place(held: Held[Any]) -> tuple[int, int]:
    return held.time, held.offset


def _time(held: Held[Any]) -> int:
    return held.time
