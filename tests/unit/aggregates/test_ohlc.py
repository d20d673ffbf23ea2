"""Candles are a monoid: how trades are split and in which order they come makes no difference."""

import copy
import itertools
from collections.abc import Iterable
from functools import reduce
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.aggregates import Ohlc, OhlcState


class Trade(NamedTuple):
    """A trade and its coordinates."""

    time: int
    offset: int
    price: float
    size: float


#: Sizes of coins, and sizes whose sums 64 bits don't hold.
MIXED = st.floats(0, 1000)
HUGE = st.integers(2**52, 2**63 - 1)


@st.composite
def trades(draw: st.DrawFn, sign: int | None = None) -> list[Trade]:
    """Draw some trades with offsets of their own, many of them at the same time."""
    times = st.integers(0, 5) | st.integers(10**12, 10**12 + 5)
    # Of one sign: sums of both lose digits, in each order others.
    sign = sign or draw(st.sampled_from([1, 1, -1]))
    prices = st.floats(1e-3, 1e6, allow_nan=False).map(lambda price: sign * price) | st.just(0.0)
    sizes = st.integers(0, 1000) | draw(st.sampled_from([st.nothing(), MIXED, HUGE]))
    fields = st.tuples(times, prices, sizes)
    drawn = draw(st.lists(fields, max_size=20))
    return [Trade(time, offset, *rest) for offset, (time, *rest) in enumerate(drawn)]


def folded(some: Iterable[Trade]) -> OhlcState:
    """Fold trades in the order given."""
    ohlc = Ohlc()
    state = ohlc.zero()
    for trade in some:
        ohlc.add(state, trade, trade.time, trade.offset)
    return state


def assert_same(left: OhlcState, right: OhlcState) -> None:
    """Sums of floats may differ by 1e-9, everything else not at all."""
    sums = {"notional", "total"}
    if isinstance(right.volume, float):
        sums.add("volume")
    for name in OhlcState.__struct_fields__:
        expected = getattr(right, name)
        if name in sums:
            expected = pytest.approx(expected, rel=1e-9)
        assert getattr(left, name) == expected, name


@given(trades())
def test_candle_equals_the_figures_of_its_trades(some: list[Trade]) -> None:
    """Open and close by (time, offset), high, low, Σ size, Σ price·size, Σ price."""
    state = folded(some)
    if not some:
        assert state == Ohlc().zero()
        assert state.vwap is None
        return
    in_order = sorted(some)
    assert (state.open_time, state.open_offset, state.open) == in_order[0][:3]
    assert (state.close_time, state.close_offset, state.close) == in_order[-1][:3]
    assert (state.high, state.low) == (max(t.price for t in some), min(t.price for t in some))
    volume = sum(t.size for t in some)
    if isinstance(volume, int) and volume < 2**63:
        assert (state.volume, type(state.volume)) == (volume, int)
    else:
        assert (state.volume, type(state.volume)) == (pytest.approx(volume, rel=1e-9), float)
    assert state.notional == pytest.approx(sum(t.price * t.size for t in some), rel=1e-9)
    assert state.total == pytest.approx(sum(t.price for t in some), rel=1e-9)


@given(trades(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(some: list[Trade], random: Random) -> None:
    """Late trades and early ones make the candle of their order in time."""
    shuffled = list(some)
    random.shuffle(shuffled)
    assert_same(folded(shuffled), folded(some))


@given(trades(), st.lists(st.integers(0, 3), min_size=20, max_size=20))
def test_any_split_into_parts_gives_the_same_candle(
    some: list[Trade], pane_numbers: list[int]
) -> None:
    """Each trade in one of four panes, merged from either end."""
    parts = [[] for _ in range(4)]
    for trade, number in zip(some, pane_numbers, strict=False):
        parts[number].append(trade)
    merge = Ohlc().merge
    states = [folded(part) for part in parts]
    whole = folded(some)
    assert_same(reduce(merge, states), whole)
    assert_same(reduce(merge, reversed(states)), whole)
    assert_same(merge(merge(states[0], states[3]), merge(states[2], states[1])), whole)


@given(trades())
def test_empty_state_merged_with_a_candle_changes_nothing(some: list[Trade]) -> None:
    """`zero` is neutral on both sides, and returns a new state each time."""
    ohlc = Ohlc()
    state = folded(some)
    assert ohlc.merge(state, ohlc.zero()) == state
    assert ohlc.merge(ohlc.zero(), state) == state
    assert ohlc.zero() is not ohlc.zero()


@given(trades(), trades())
def test_merging_changes_neither_side(left: list[Trade], right: list[Trade]) -> None:
    """Nor does adding to the result change them later: panes are merged again and again."""
    ohlc = Ohlc()
    states = folded(left), folded(right)
    before = copy.deepcopy(states)
    merged = ohlc.merge(*states)
    ohlc.add(merged, Trade(7, 1000, 3.0, 2), 7, 1000)
    assert states == before


@given(trades())
def test_a_row_restores_the_state_bit_by_bit(some: list[Trade]) -> None:
    """Also the infinities of an empty state."""
    state = folded(some)
    row = msgspec.msgpack.encode(state)
    assert msgspec.msgpack.decode(row, type=Ohlc.state) == state


def test_the_vwap_weighs_prices_with_sizes() -> None:
    """Ten at 1.00 and thirty at 2.00 cost 1.75 each."""
    assert folded([Trade(1, 0, 1.0, 10), Trade(2, 1, 2.0, 30)]).vwap == 1.75


def test_without_volume_there_is_no_vwap() -> None:
    """Prices of unknown size have no weights."""
    assert folded([Trade(1, 0, 1.0, 0), Trade(2, 1, 2.0, 0)]).vwap is None


@given(trades(1), trades(1))
def test_trades_added_at_once_give_the_same_candle_as_one_by_one(
    before: list[Trade], some: list[Trade]
) -> None:
    """Into a candle that may have trades already, earlier or later ones, or none."""
    if not some:
        return
    ohlc, state, ordered = Ohlc(), folded(before), sorted(some)
    ohlc.add_all(
        state,
        ordered,
        [trade.time for trade in ordered],
        [trade.offset for trade in ordered],
        range(len(ordered)),
    )
    assert_same(state, folded([*before, *some]))


@given(trades(), st.lists(st.integers(0, 20), max_size=4))
def test_merging_runs_of_states_equals_folding_their_trades(
    some: list[Trade], cuts: list[int]
) -> None:
    """The states are in the order of time, as panes of a key are."""
    ordered = sorted(some)
    ends = [0, *sorted(cuts), len(ordered)]
    parts = [ordered[a:b] for a, b in itertools.pairwise(ends) if ordered[a:b]]
    runs = list(itertools.combinations(range(len(parts) + 1), 2))
    merged = Ohlc().merge_runs([folded(part) for part in parts], runs)
    for state, (first, stop) in zip(merged, runs, strict=True):
        assert_same(state, folded(itertools.chain(*parts[first:stop])))


def test_adding_trades_changes_nothing_if_one_of_them_raises() -> None:
    """They are added one by one afterwards, and none may count twice."""
    ohlc = Ohlc()
    state = folded([Trade(1, 0, 2.0, 3)])
    before = copy.deepcopy(state)
    odd: Any = None
    some = [Trade(2, 1, 9.0, 1), Trade(3, 2, 1.0, odd)]
    with pytest.raises(TypeError):
        ohlc.add_all(state, some, [2, 3], [1, 2], range(2))
    assert state == before


def test_integer_sizes_are_summed_exactly_beyond_the_floats() -> None:
    """2^53 + 1 is the first integer that no float is."""
    state = folded([Trade(1, 0, 1.0, 2**53), Trade(2, 1, 1.0, 1)])
    assert state.volume == 2**53 + 1
    assert Ohlc().merge(state, folded([Trade(3, 2, 1.0, 2)])).volume == 2**53 + 3


def test_volume_beyond_64_bits_is_a_float_that_a_row_can_store() -> None:
    """The pipeline does not stop."""
    state = folded([Trade(1, 0, 1.0, 2**63 - 1), Trade(2, 1, 1.0, 2**63 - 1)])
    assert state.volume == 2.0**64
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=OhlcState) == state


@pytest.mark.parametrize("by", [-1, 0, 1])
def test_volume_is_an_integer_up_to_the_last_one_that_a_row_can_store(by: int) -> None:
    """However it is summed: trade by trade, at once, from two states, from a run of states."""
    ohlc, volume = Ohlc(), 2**63 - 1 + by
    some = [Trade(1, 0, 1.0, volume - 10), Trade(2, 1, 1.0, 3), Trade(3, 2, 1.0, 7)]
    parts = [folded([trade]) for trade in some]
    at_once, onto = ohlc.zero(), folded(some[:1])
    ohlc.add_all(at_once, some, [1, 2, 3], [0, 1, 2], range(3))
    ohlc.add_all(onto, some, [1, 2, 3], [0, 1, 2], [1, 2])
    found = [folded(some), at_once, onto, reduce(ohlc.merge, parts)]
    found += ohlc.merge_runs(parts, [(0, 3)])
    expected = float(volume) if by > 0 else volume
    for state in found:
        assert (state.volume, type(state.volume)) == (expected, type(expected))


def test_row_of_a_version_with_integer_sizes_is_decoded() -> None:
    """Its volume is an integer."""
    old = [1, 2, 1.5, 1.5, 1.5, 1, 2, 1.5, 7, 10.5, 1.5]
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=OhlcState)
    assert (state.volume, type(state.volume)) == (7, int)
