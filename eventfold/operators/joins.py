"""A windowed join of two streams: pairs of records of a key that are close in event time.

    Join(Searched, Clicked, kind="left", after=600_000, pair=search_click, alone=unclicked)

Both come from one topic, each as a type of its own, and a `KeyedTable` keeps for a key what may
still find a partner: `state=Waiting[Searched, Clicked]`. Which pairs there are follows from event
time alone: whatever order the records come in, as long as none is late, they are the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, get_args

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventfold.operators.processor import Context

L = TypeVar("L")
R = TypeVar("R")
T = TypeVar("T")

#: inner: pairs. left: also each left record without a partner. outer: also each right one.
Kind = Literal["inner", "left", "outer"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Why a record has no partner: none came while one could; or it came after its table's grace
#: itself, and was not looked at.
Reason = Literal["unmatched", "late"]


class Held(Struct, Generic[T], array_like=True, gc=False):
    """A record that may still find a partner; `time` in ms, `offset` in the joined topic."""

    time: int
    offset: int
    record: T
    #: How many it has found.
    partners: int = 0


class Waiting(Struct, Generic[L, R], array_like=True):
    """What of a key may still find a partner, each side in order of time and offset."""

    left: list[Held[L]]
    right: list[Held[R]]


class Pair(NamedTuple):
    """Two records that belong together, and the how manyeth partner each is of the other."""

    left: Any
    right: Any
    #: Counted from 1, in the order in which they came.
    of_left: int
    of_right: int


class CrowdedError(ValueError):
    """A key has as many records waiting as are kept; the next is refused, not dropped."""


class Join:
    """A left record and a right one of a key, where right.time - left.time is in [-before, after].

    `left` and `right` are the types of their records. `pair` makes of two (a Pair) the records
    that are sent, `alone` of one without a partner and the reason.
    `matches` is asked of two that are close enough, where that does not suffice. A record waits
    until no partner can come any more: until stream time has passed its time and the window by
    the table's grace; then it is reported, if `kind` says so. Late records find no partners: they
    are reported at once.

    `most` are kept waiting of a key and side. More raise CrowdedError, so they are dead letters:
    the memory of a key is bounded whatever its producers do, and nothing is lost in silence.
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

    # -- what a KeyedTable calls

    def on_record(
        self, state: Waiting[Any, Any] | None, record: Any, context: Context
    ) -> Waiting[Any, Any] | None:
        """Send the pairs a record makes, and let it wait for more."""
        is_left = isinstance(record, self.left)
        if context.late:
            self._say_alone(record, "late", context, is_left=is_left)
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
        # All of them are made before any is noted: what raises has to leave all as it was.
        self._send_pairs(held, found, context, is_left=is_left)
        for other in found:
            other.partners += 1
        held.partners = len(found)
        insort(own, held, key=_place)
        context.wake(self._next_end(state))
        return state

    def on_time(self, state: Waiting[Any, Any], context: Context) -> Waiting[Any, Any] | None:
        """Let go of what no partner can come for any more."""
        for is_left, held in (True, state.left), (False, state.right):
            ended = bisect_left(held, context.time - self._end(0, is_left=is_left) + 1, key=_time)
            for each in held[:ended]:
                if not each.partners:
                    self._say_alone(
                        each.record, "unmatched", context, is_left=is_left, offset=each.offset
                    )
            del held[:ended]
        if not state.left and not state.right:
            return None
        context.wake(self._next_end(state))
        return state

    def on_shared(self, record: Any, context: Context) -> None:
        """Refuse it: nothing concerns all keys."""
        raise TypeError(f"a join of keys has no use for {type(record).__name__}, {context.key!r}")

    # -- its parts

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

    def _say_alone(
        self,
        record: Any,
        reason: Reason,
        context: Context,
        *,
        is_left: bool,
        offset: int | None = None,
    ) -> None:
        if self._alone is None or not (self._says_left if is_left else self._says_right):
            return
        for made in self._alone(record, reason):
            context.send(made, offsets=(context.offset if offset is None else offset,))

    def _end(self, time: int, *, is_left: bool) -> int:
        """Give the moment (ms) from which on no partner of a record of `time` can come."""
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
