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
def test_from_nothing_or_less_there_is_no_gain(base: float, last: float) -> None:
    """Nor where no float holds it."""
    assert gain(base, last) is None


@pytest.mark.parametrize(("last", "fraction"), [(0.0, -1.0), (-2.0, -2.0)])
def test_a_price_may_fall_to_nothing_and_below(last: float, fraction: float) -> None:
    """From a positive base that is a gain like any other."""
    assert gain(2.0, last) == fraction


def with_gain(gainers: list[Gainer]) -> list[Gainer]:
    """Return those that rankings of gains are made of."""
    return [each for each in gainers if each.gain is not None]


@given(st.lists(GAINERS, max_size=30, unique_by=lambda each: each.symbol))
def test_the_ten_best_are_the_first_ten_of_all_in_order(gainers: list[Gainer]) -> None:
    """By gain descending, ties by symbol; all of them where there are fewer than ten."""
    by_symbol = sorted(with_gain(gainers), key=lambda g: g.symbol)
    assert top(gainers) == sorted(by_symbol, key=lambda g: g.gain, reverse=True)[:10]


@given(st.lists(GAINERS, max_size=30, unique_by=lambda each: each.symbol))
def test_losers_and_the_most_active_are_the_first_ten_in_their_orders(
    gainers: list[Gainer],
) -> None:
    """By gain ascending, by volume descending; ties by symbol in both."""
    by_symbol = sorted(gainers, key=lambda g: g.symbol)
    assert bottom(gainers) == sorted(with_gain(by_symbol), key=lambda g: g.gain)[:10]
    assert most_active(gainers) == sorted(by_symbol, key=lambda g: g.volume, reverse=True)[:10]


def test_a_gain_from_before_there_were_volumes_can_be_read() -> None:
    """What stands in the topic since then counts on, with a volume of 0."""
    old = {"symbol": "A", "day": "2026-01-31", "open": 1, "last": 2, "low": 1, "high": 2}
    old |= {"gain": 1, "count": 2, "time": 1_769_869_800_000, "final": False}
    old |= {"partition": 0, "offset": 3, "stream_time": 1_769_869_800_000}
    assert msgspec.convert(old, DailyGain).volume == 0
    place = {"symbol": "A", "gain": 1.0, "open": 1.0, "last": 2.0, "time": 0}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(place), type=Gainer).volume == 0


@given(st.lists(GAINERS, max_size=30, unique_by=lambda each: each.symbol), st.integers(0, 20))
def test_who_is_best_does_not_depend_on_the_order_asked_in(
    gainers: list[Gainer], places: int
) -> None:
    """Nor is anyone listed twice."""
    ranking = top(gainers, places)
    assert ranking == top(reversed(gainers), places)
    assert len(ranking) == min(places, len(with_gain(gainers)))


@given(st.dates(date(1973, 3, 3), date(2999, 12, 31)))
def test_a_day_survives_the_way_to_its_start_and_back(day: date) -> None:
    """Its first and last millisecond are in it, the ones beside them not."""
    start = start_of(day.isoformat())
    assert start == datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000
    assert day_of(start) == day_of(start + DAY - 1) == day.isoformat()
    assert day_of(start - 1) == (day - timedelta(days=1)).isoformat()
    assert day_of(start + DAY) == (day + timedelta(days=1)).isoformat()


@given(st.integers(10**11, 32_503_680_000_000))
def test_an_instant_lies_in_its_day(time: int) -> None:
    """Days are as aligned to the epoch as windows of a day."""
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
def test_what_is_no_day_is_refused_by_name(day: str) -> None:
    """The error quotes it, and shows how a day is written."""
    with pytest.raises(ValueError, match=f"^{day!r} is not a day such as "):
        start_of(day)
