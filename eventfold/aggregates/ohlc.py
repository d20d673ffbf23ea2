"""Open, high, low, close, volume: the aggregate of candles."""

from collections.abc import Callable, Sequence
from functools import reduce
from math import inf
from operator import add
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, name_of, numbers
from eventfold.windows.panes import AFTER_ALL, BEFORE_ALL

#: Greatest volume that is an integer; rows hold integers of 64 bits, so a greater one is a float.
LARGEST_WHOLE = 2**63 - 1


class Trade(Protocol):
    """A record that can be folded into a candle."""

    @property
    def price(self) -> float:
        """Price of one unit."""

    @property
    def size(self) -> float:
        """Units traded; integers are summed exactly."""


class OhlcState(Struct, array_like=True, gc=False):
    """State of a candle.

    Open and close carry the (time, offset) of their trades, so that they do not depend on the
    order of arrival. Times are in ms.
    """

    open_time: int = AFTER_ALL
    open_offset: int = AFTER_ALL
    open: float = 0.0
    high: float = -inf
    low: float = inf
    close_time: int = BEFORE_ALL
    close_offset: int = BEFORE_ALL
    close: float = 0.0
    #: Σ size: an integer if each of them is.
    volume: int | float = 0
    #: Σ price * size, for the vwap.
    notional: float = 0.0
    #: Σ price, for the mean.
    total: float = 0.0

    @property
    def vwap(self) -> float | None:
        """Volume-weighted average price Σ price·size / Σ size; None without volume."""
        return self.notional / self.volume if self.volume else None


class Ohlc:
    """Open, high, low, close and sums of trades; its value is the `OhlcState`.

    Open is the price with the smallest (time, offset), close that with the largest. Floats are
    added one by one, from left to right, not by `sum`, which compensates from Python 3.12 on. So
    the sums are bit-identical on every Python, for batches of any size, and by the native
    extension.
    """

    state = OhlcState
    version = 1

    def zero(self) -> OhlcState:
        """Return an empty state."""
        return OhlcState()

    def add(self, state: OhlcState, record: Trade, time: int, offset: int) -> None:
        """Fold one trade, of event time `time` (ms), into `state`."""
        price = record.price
        size = record.size
        # Everything that may raise comes before the first change of the state.
        volume = state.volume + size
        if volume > LARGEST_WHOLE:
            volume = float(volume)
        notional = state.notional + price * size
        # Comparisons are faster than max() and min(), and this is called for every record.
        if price > state.high:  # noqa: PLR1730
            state.high = price
        if price < state.low:  # noqa: PLR1730
            state.low = price
        if time > state.close_time or (time == state.close_time and offset > state.close_offset):
            state.close_time = time
            state.close_offset = offset
            state.close = price
        if time < state.open_time or (time == state.open_time and offset < state.open_offset):
            state.open_time = time
            state.open_offset = offset
            state.open = price
        state.volume = volume
        state.notional = notional
        state.total += price

    def add_all(
        self,
        state: OhlcState,
        records: Sequence[Trade],
        times: Sequence[int],
        offsets: Sequence[int],
        indexes: Sequence[int],
    ) -> None:
        """Fold the trades at `indexes`, which ascend by (time, offset), into `state`."""
        prices = [records[index].price for index in indexes]
        sizes = [records[index].size for index in indexes]
        # Everything that may raise comes before the first change of the state.
        high, low, volume = max(prices), min(prices), _sum(state.volume, sizes)
        notional, total = state.notional, state.total
        for price, size in zip(prices, sizes, strict=True):
            notional += price * size
            total += price
        state.high = max(state.high, high)
        state.low = min(state.low, low)
        first, last = indexes[0], indexes[-1]
        time, offset = times[last], offsets[last]
        if time > state.close_time or (time == state.close_time and offset > state.close_offset):
            state.close_time = time
            state.close_offset = offset
            state.close = prices[-1]
        time, offset = times[first], offsets[first]
        if time < state.open_time or (time == state.open_time and offset < state.open_offset):
            state.open_time = time
            state.open_offset = offset
            state.open = prices[0]
        state.volume, state.notional, state.total = volume, notional, total

    def merge(self, left: OhlcState, right: OhlcState) -> OhlcState:
        """Return a state with the trades of both."""
        first = last = left
        if right.open_time < left.open_time or (
            right.open_time == left.open_time and right.open_offset < left.open_offset
        ):
            first = right
        if right.close_time > left.close_time or (
            right.close_time == left.close_time and right.close_offset > left.close_offset
        ):
            last = right
        # Comparisons are faster than tuples, max() and min(): windows that slide by the second
        # merge twice for each second.
        return OhlcState(
            first.open_time,
            first.open_offset,
            first.open,
            left.high if left.high >= right.high else right.high,  # noqa: FURB136
            left.low if left.low <= right.low else right.low,  # noqa: FURB136
            last.close_time,
            last.close_offset,
            last.close,
            _plus(left.volume, right.volume),
            left.notional + right.notional,
            left.total + right.total,
        )

    def merge_runs(
        self, states: Sequence[OhlcState], runs: Sequence[tuple[int, int]]
    ) -> list[OhlcState]:
        """Return a state of `states[first:stop]`, ordered by time, for each run `(first, stop)`."""
        highs = [state.high for state in states]
        lows = [state.low for state in states]
        volumes = [state.volume for state in states]
        notionals = [state.notional for state in states]
        totals = [state.total for state in states]
        merged: list[OhlcState] = []
        for first, stop in runs:
            oldest, newest = states[first], states[stop - 1]
            merged.append(
                OhlcState(
                    oldest.open_time,
                    oldest.open_offset,
                    oldest.open,
                    max(highs[first:stop]),
                    min(lows[first:stop]),
                    newest.close_time,
                    newest.close_offset,
                    newest.close,
                    _sum(volumes[first], volumes[first + 1 : stop]),
                    reduce(add, notionals[first:stop]),
                    reduce(add, totals[first:stop]),
                )
            )
        return merged


class OhlcPrices(NamedTuple):
    """The prices and sizes of one record, as `Ohlc` reads them."""

    price: float
    size: float


class OhlcOf(FieldAggregate[OhlcState]):
    """`Ohlc` of a price and a size that are in other fields than `price` and `size`.

    A record without a price is skipped; one without a size counts with a size of 0.
    """

    state = OhlcState

    def __init__(self, price: Field, size: Field | None) -> None:
        fields = [(each, True) for each in (price, size) if each is not None]
        super().__init__(price, lambda field: _priced(field, size), fields)
        if size is not None:
            self.field = f"{name_of(price)}, {name_of(size)}"
        self._ohlc = Ohlc()

    def zero(self) -> OhlcState:
        """Return an empty state."""
        return OhlcState()

    def put(self, state: OhlcState, seen: OhlcPrices, time: int, offset: int) -> None:
        """Fold a price with its size into `state`."""
        self._ohlc.add(state, seen, time, offset)

    def merge(self, left: OhlcState, right: OhlcState) -> OhlcState:
        """Return a state with the trades of both."""
        return self._ohlc.merge(left, right)


def ohlc(price: Field = "price", size: Field | None = "size") -> Ohlc | OhlcOf:
    """Return the aggregate of open, high, low, close and volume of prices and their sizes.

    `size` None means that the records have none.

    >>> ohlc("celsius", size=None)
    OhlcOf(celsius) 1
    """
    return Ohlc() if (price, size) == ("price", "size") else OhlcOf(price, size)


def _priced(price: Field, size: Field | None) -> Callable[[Any], OhlcPrices | None]:
    price_of = numbers(price)
    size_of = None if size is None else numbers(size)

    def read(record: Any) -> OhlcPrices | None:
        each = price_of(record)
        if each is None:
            return None
        return OhlcPrices(each, (size_of(record) or 0) if size_of else 0)

    return read


def _sum(volume: float, sizes: Sequence[float]) -> float:
    """Return `volume` plus `sizes`: integers by one exact sum, anything else added one by one."""
    more = sum(sizes)
    if isinstance(more, int) and isinstance(volume, int) and volume + more <= LARGEST_WHOLE:
        return volume + more
    return reduce(_plus, sizes, volume)


def _plus(volume: float, more: float) -> float:
    found = volume + more
    return found if found <= LARGEST_WHOLE else float(found)
