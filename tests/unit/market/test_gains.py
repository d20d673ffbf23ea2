"""Gains, rankings and the days they belong to."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.market.gains import bottom, day_of, gain, most_active, start_of, top
from app.market.records import DailyGain, Gainer

DAY = 86_400_000
#: Few gains, so that many tie.
GAINERS = st.builds(
    Gainer,
    symbol=st.text("ABC", min_size=1, max_size=4),
    gain=st.sampled_from([-0.5, 0.0, 0.1, 0.25, None]),
    open=st.just(1.0),
    last=st.just(1.0),
    time=st.just(0),
    volume=st.sampled_from([0, 7, 0.25, 7.5, 10**12]),
)


@pytest.mark.parametrize(
    ("base", "last", "fraction"), [(100.0, 105.0, 0.05), (4.0, 1.0, -0.75), (2.0, 2.0, 0.0)]
)
def test_a_gain_is_a_fraction_of_its_base(base: float, last: float, fraction: float) -> None:
    """0.05 is a rise of 5 %."""
    assert gain(base, last) == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("base", "last"), [(0.0, 5.0), (-0.0, 5.0), (-37.63, 5.0), (-1.0, -2.0), (5e-324, 1e308)]
)
def test_there_is_no_gain_from_a_base_of_zero_or_less(base: float, last: float) -> None:
    """Nor a gain beyond the floats."""
    assert gain(base, last) is None


@pytest.mark.parametrize(("last", "fraction"), [(0.0, -1.0), (-2.0, -2.0)])
def test_gain_to_a_price_of_zero_or_less_is_a_loss_of_all_or_more(
    last: float, fraction: float
) -> None:
    """Prices may be negative."""
    assert gain(2.0, last) == fraction


def with_gain(gainers: list[Gainer]) -> list[Gainer]:
    """Return those that rankings of gains are made of."""
    return [each for each in gainers if each.gain is not None]


@given(st.lists(GAINERS, max_size=30, unique_by=lambda each: each.symbol))
def test_top_returns_the_ten_highest_gains_in_order(gainers: list[Gainer]) -> None:
    """By gain descending, ties by symbol; all of them where there are fewer than ten."""
    by_symbol = sorted(with_gain(gainers), key=lambda g: g.symbol)
    assert top(gainers) == sorted(by_symbol, key=lambda g: g.gain, reverse=True)[:10]


@given(st.lists(GAINERS, max_size=30, unique_by=lambda each: each.symbol))
def test_bottom_and_most_active_return_ten_symbols_in_order(
    gainers: list[Gainer],
) -> None:
    """By gain ascending, by volume descending; ties by symbol in both."""
    by_symbol = sorted(gainers, key=lambda g: g.symbol)
    assert bottom(gainers) == sorted(with_gain(by_symbol), key=lambda g: g.gain)[:10]
    assert most_active(gainers) == sorted(by_symbol, key=lambda g: g.volume, reverse=True)[:10]


def test_gain_of_a_version_without_volumes_is_decoded() -> None:
    """Records of that version are still in the topic; their volume is 0."""
    old = {"symbol": "A", "day": "2026-01-31", "open": 1, "last": 2, "low": 1, "high": 2}
    old |= {"gain": 1, "count": 2, "time": 1_769_869_800_000, "final": False}
    old |= {"partition": 0, "offset": 3, "stream_time": 1_769_869_800_000}
    assert msgspec.convert(old, DailyGain).volume == 0
    place = {"symbol": "A", "gain": 1.0, "open": 1.0, "last": 2.0, "time": 0}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(place), type=Gainer).volume == 0


@given(st.lists(GAINERS, max_size=30, unique_by=lambda each: each.symbol), st.integers(0, 20))
def test_ranking_does_not_depend_on_the_order_of_its_input(
    gainers: list[Gainer], places: int
) -> None:
    """No symbol is listed twice."""
    ranking = top(gainers, places)
    assert ranking == top(reversed(gainers), places)
    assert len(ranking) == min(places, len(with_gain(gainers)))


@given(st.dates(date(1973, 3, 3), date(2999, 12, 31)))
def test_day_of_the_start_of_a_day_is_the_day(day: date) -> None:
    """Its first and last millisecond lie in it, those before and after them do not."""
    start = start_of(day.isoformat())
    assert start == datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000
    assert day_of(start) == day_of(start + DAY - 1) == day.isoformat()
    assert day_of(start - 1) == (day - timedelta(days=1)).isoformat()
    assert day_of(start + DAY) == (day + timedelta(days=1)).isoformat()


@given(st.integers(10**11, 32_503_680_000_000))
def test_day_of_an_instant_starts_at_its_midnight(time: int) -> None:
    """Days are aligned to the epoch, as windows of 1d are."""
    assert start_of(day_of(time)) == time - time % DAY


@pytest.mark.parametrize(
    "day",
    [
        "",
        "today",
        "2024-13-01",
        "2024-02-30",
        "2024-1-1",
        "20240101",
        "2024-W01-1",
        "2024-01-01T00",
    ],
)
def test_malformed_day_is_quoted_in_the_error(day: str) -> None:
    """The error also shows how a day is written."""
    with pytest.raises(ValueError, match=f"^{day!r} is not a day such as "):
        start_of(day)
