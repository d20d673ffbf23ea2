"""Ticks from quotes: which quotes are new, and the size that was traded."""

import pytest

from app.market.bare import bare_prices
from app.market.chart import ChartError, Quote
from app.market.prices import Observer
from app.market.records import Tick

NOON = 1_720_008_000_000
DAY = 86_400_000


def quote(price: float, at: int, volume: int = 0) -> Quote:
    """Return a quote of one ticker."""
    return Quote("A", price, at, volume)


def test_size_is_the_growth_of_the_days_volume() -> None:
    """The volume before the first quote is not known: 0, then the differences."""
    observer = Observer()
    quotes = [quote(5, NOON, 1_000), quote(6, NOON + 1, 1_250), quote(7, NOON + 2, 1_250)]
    assert [observer.tick(each) for each in quotes] == [
        Tick("A", 5.0, NOON, 0),
        Tick("A", 6.0, NOON + 1, 250),
        Tick("A", 7.0, NOON + 2, 0),
    ]


def test_a_quote_that_has_not_changed_is_no_tick() -> None:
    """The same time and price again is the same trade; its volume counts with the next one."""
    observer = Observer()
    observer.tick(quote(5, NOON, 1_000))
    assert observer.tick(quote(5, NOON, 1_100)) is None
    assert observer.tick(quote(5, NOON + 1, 1_200)) == Tick("A", 5.0, NOON + 1, 200)


def test_another_price_in_the_same_second_is_a_tick() -> None:
    """Quotes have whole seconds, trades don't."""
    observer = Observer()
    observer.tick(quote(5, NOON))
    assert observer.tick(quote(6, NOON)) == Tick("A", 6.0, NOON)


def test_an_older_quote_is_no_tick() -> None:
    """A cache behind the API may answer with an earlier quote."""
    observer = Observer()
    observer.tick(quote(5, NOON, 1_000))
    assert observer.tick(quote(4, NOON - 1, 900)) is None
    assert observer.tick(quote(6, NOON + 1, 1_001)) == Tick("A", 6.0, NOON + 1, 1)


def test_size_is_never_negative() -> None:
    """A volume that was corrected downwards makes 0, and counts no trade twice when it is back."""
    observer = Observer()
    sizes = []
    for n, volume in enumerate([1_000, 800, 1_000, 1_010]):
        tick = observer.tick(quote(5, NOON + n, volume))
        assert tick is not None
        sizes.append(tick.size)
    assert sizes == [0, 0, 0, 10]


def test_first_tick_of_a_day_has_size_0() -> None:
    """The volume begins again at midnight."""
    observer = Observer()
    observer.tick(quote(5, NOON, 1_000))
    assert observer.tick(quote(5, NOON + DAY, 5_000)) == Tick("A", 5.0, NOON + DAY, 0)
    assert observer.tick(quote(5, NOON + DAY + 1, 5_007)) == Tick("A", 5.0, NOON + DAY + 1, 7)


def test_size_is_0_where_the_volume_is_not_of_the_session() -> None:
    """That of a coin is None."""
    observer = Observer()
    quotes = [Quote("BTC-USD", price, NOON + price, None) for price in (5, 6, 7)]
    assert [tick.size for each in quotes if (tick := observer.tick(each))] == [0, 0, 0]


def test_volume_begins_again_with_the_session() -> None:
    """Not at midnight UTC: a session of futures has both days."""
    observer = Observer()
    sizes = [
        observer.tick(Quote("ES=F", 5 + n, NOON + n, volume, session))
        for n, (volume, session) in enumerate([(900, 1), (950, 1), (10, 2), (15, 2)])
    ]
    assert [tick.size for tick in sizes if tick] == [0, 50, 0, 5]


def test_another_currency_is_withheld() -> None:
    """A price in euros after one in dollars is none; the same in pence was made pounds before."""
    observer = Observer()
    observer.check_currency(Quote("A", 5, NOON, 0, currency="GBP", unit="GBp"))
    observer.check_currency(Quote("A", 5, NOON, 0, currency="GBP", unit="GBP"))
    for other in ("USD", None):
        with pytest.raises(ChartError, match=r"withheld: quoted in .*, was in GBP"):
            observer.check_currency(Quote("A", 5, NOON, 0, currency=other, unit=other))


def test_delay_is_that_of_trades_seen_to_happen() -> None:
    """The first quote may be of a closed market; an unchanged one is no trade."""
    observer = Observer()
    observer.tick(quote(5, NOON), NOON + DAY)
    assert observer.behind is None
    observer.tick(quote(5, NOON), NOON + DAY + 1)
    assert observer.behind is None
    observer.tick(quote(6, NOON + DAY), NOON + DAY + 900_000)
    observer.tick(quote(7, NOON + DAY + 1), NOON + DAY + 600_000)
    assert observer.behind == 900_000


def test_a_quote_without_a_time_is_an_error() -> None:
    """A tick needs one of its own."""
    with pytest.raises(ChartError, match="regularMarketTime"):
        Observer().tick(Quote("A", 5, None, 0))


def test_bare_prices_are_the_numbers_of_ticks() -> None:
    """Key and time stay; records that are no ticks are unchanged."""
    tick = b'{"symbol":"A","price":12.5000,"time":1720008000000}'
    records = [(b"A", tick, NOON), (b"A", b"{", NOON)]
    assert bare_prices(records) == [(b"A", b"12.5", NOON), (b"A", b"{", NOON)]
