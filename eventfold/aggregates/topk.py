"""Top-k: the k greatest values of a field, or the records that have them."""

from bisect import insort
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, Plain, name_of, numbers, plain
from eventfold.windows.errors import DefinitionError

#: Greatest k, since a row holds all k values.
MOST = 1_000


class Top(NamedTuple):
    """One entry: the number it is ranked by, its record's time (ms) and offset, the value kept."""

    by: int | float
    time: int
    offset: int
    item: Plain


class TopKState(Struct, array_like=True, gc=False):
    """The entries, greatest first."""

    tops: list[Top]


class TopK(FieldAggregate[TopKState]):
    """The k greatest values of a field, or its values in the k records that are greatest by `by`.

    The value of `TopK(3, "price")` is a list of three prices, that of `TopK(3, "id", by="price")`
    of three pairs (id, price), greatest first; equal ones are in order of (time, offset). Records
    in which either field is None are skipped. Raises DefinitionError unless 1 <= k <= 1000.
    """

    state = TopKState

    def __init__(self, k: int, field: Field, by: Field | None = None) -> None:
        if type(k) is not int or not 1 <= k <= MOST:
            raise DefinitionError(f"TopK: k is a whole number from 1 to {MOST:,}, not {k!r}")
        rank = field if by is None else by
        super().__init__(
            field, lambda field: _ranked(field, rank), ((field, by is None), (rank, True))
        )
        self.k = k
        self._pairs = by is not None
        self.field = f"{k}, {name_of(field)}"
        if by is not None:
            self.field += f", by {name_of(by)}"

    def zero(self) -> TopKState:
        """Return an empty state."""
        return TopKState([])

    def put(self, state: TopKState, seen: tuple[float, Plain], time: int, offset: int) -> None:
        """Insert a value if it is among the k greatest."""
        tops = state.tops
        by, item = seen
        if len(tops) < self.k or by >= tops[-1].by:
            insort(tops, Top(by, time, offset, item), key=_rank)
            del tops[self.k :]

    def merge(self, left: TopKState, right: TopKState) -> TopKState:
        """Return a state with the k greatest of both."""
        return TopKState(sorted(left.tops + right.tops, key=_rank)[: self.k])

    def value(self, state: TopKState) -> list[Any]:
        """Return the values, or the pairs (value, number it is ranked by), greatest first."""
        return [(top.item, top.by) if self._pairs else top.item for top in state.tops]


def _rank(top: Top) -> tuple[float, int, int]:
    return -top.by, top.time, top.offset


def _ranked(field: Field, by: Field) -> Callable[[Any], tuple[float, Plain] | None]:
    number_of, item_of = numbers(by), plain(field)

    def read(record: Any) -> tuple[float, Plain] | None:
        number, item = number_of(record), item_of(record)
        return None if number is None or item is None else (number, item)

    return read
