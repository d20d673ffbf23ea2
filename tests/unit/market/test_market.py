"""The simulated market: the same for the same seed, and true to its own description."""

from collections import Counter, defaultdict
from itertools import islice

import msgspec
import pytest

from app.market.records import Tick
from app.market.walks import CLEAN, DAY, Flaws, Market, day_curve, symbol_names
from eventfold.connectors import Record

START = 1_700_006_400_000  # midnight, UTC


def ticks(market: Market, number: int) -> list[Tick]:
    """Return the first trades of a market without flaws."""
    return [msgspec.json.decode(r[1], type=Tick) for r in islice(market.records(START), number)]


def kind(record: Record, expected: float) -> str:
    """Return which flaw a record has, whose tick was due at `expected` ms."""
    key, value, time = record
    try:
        tick = msgspec.json.decode(value, type=Tick)
    except msgspec.DecodeError:
        return "broken"
    if tick.symbol.encode() != key:
        return "broken"
    behind = expected - time
    assert tick.time == time
    if behind < 1:
        return "clean"
    return "disorder" if behind <= 5_001 else "late"


def test_the_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    """Two markets of one seed agree byte for byte, flaws included."""
    one, same, other = (
        list(islice(Market(step=0.5, seed=seed).records(START), 5_000)) for seed in (7, 7, 8)
    )
    assert one == same
    assert one != other


def test_portions_do_not_change_what_is_traded() -> None:
    """Taking 30 trades is taking 10, 1 and 19."""
    whole = Market(step=250, seed=3).take(30, START)
    market = Market(step=250, seed=3)
    portions = [market.take(10, START), market.take(1, START + 2_500)]
    portions.append(market.take(19, START + 2_750))
    assert [record for portion in portions for record in portion] == whole


def test_a_clean_market_gives_ticks_in_order_keyed_by_symbol() -> None:
    """Every record is a tick of its key, at its time, with a price of four decimals at most."""
    records = list(islice(Market(step=0.25, flaws=CLEAN).records(START), 4_000))
    for n, (key, value, time) in enumerate(records):
        tick = msgspec.json.decode(value, type=Tick)
        assert (tick.symbol.encode(), tick.time) == (key, time)
        assert time == START + n // 4
        assert round(tick.price, 4) == tick.price
        assert tick.size > 0


@pytest.mark.parametrize("flaws", [Flaws(), Flaws(0.05, 0.02, 0.01), CLEAN])
def test_flaws_have_their_configured_shares(flaws: Flaws) -> None:
    """Of 200,000 records each kind has its share, within four standard deviations."""
    number, step = 200_000, 0.5
    records = islice(Market(step=step, flaws=flaws).records(START), number)
    found = Counter(kind(record, START + n * step) for n, record in enumerate(records))
    for name in ("disorder", "late", "broken"):
        share = getattr(flaws, name)
        tolerance = 4 * (number * share) ** 0.5
        assert found[name] == pytest.approx(number * share, abs=tolerance)


def test_late_ticks_are_beyond_a_grace_of_five_minutes() -> None:
    """Ticks for the late topic are 6 to 10 min behind."""
    records = Market(step=1, flaws=Flaws(0, 1, 0)).take(2_000, START)
    behind = [START + n - time for n, (_, _, time) in enumerate(records)]
    assert 360_000 <= min(behind) < max(behind) <= 600_001


def test_volume_is_u_shaped_over_a_day() -> None:
    """The first and last two hours trade more than twice as much as the two around noon."""
    number = 48_000
    volumes: Counter[int] = Counter()
    for tick in ticks(Market(step=DAY / number, flaws=CLEAN), number):
        volumes[tick.time % DAY // (DAY // 12)] += tick.size
    assert volumes[0] > 2 * volumes[6]
    assert volumes[11] > 2 * volumes[5]


def test_the_day_curve_has_a_mean_of_one() -> None:
    """Multiplied by the curve, a day's volume stays what it was."""
    assert sum(day_curve(n * DAY / 1000) for n in range(1000)) / 1000 == pytest.approx(1, abs=0.01)


def test_few_symbols_make_much_of_the_activity() -> None:
    """A tenth of the symbols trades more than a third of the ticks, and all symbols trade."""
    traded = Counter(tick.symbol for tick in ticks(Market(step=1, flaws=CLEAN), 100_000))
    busiest = sum(number for _, number in traded.most_common(50))
    assert 33_000 < busiest < 70_000
    assert len(traded) == 500


@pytest.mark.parametrize("per_day", [20_000, 100_000])
def test_a_days_swing_does_not_depend_on_the_number_of_trades(per_day: int) -> None:
    """However often it is traded, a symbol's day moves by some percent; symbols differ."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for tick in ticks(Market(step=DAY / per_day, symbols=100, flaws=CLEAN), per_day):
        first.setdefault(tick.symbol, tick.price)
        last[tick.symbol] = tick.price
    gains = sorted(abs(last[symbol] / first[symbol] - 1) for symbol in first)
    assert 0.005 < gains[50] < 0.04
    assert gains[0] < gains[-1] / 5


def test_prices_stay_positive_on_the_longest_walk() -> None:
    """A year in 100,000 trades leaves every price positive."""
    prices = defaultdict(list)
    for tick in ticks(Market(step=365 * DAY / 100_000, symbols=20, flaws=CLEAN), 100_000):
        prices[tick.symbol].append(tick.price)
    assert min(map(min, prices.values())) >= 0.05


def test_symbol_names_are_unique() -> None:
    """8,100 names, none twice; a larger market is rejected."""
    assert len(set(symbol_names(8_100))) == 8_100
    assert symbol_names(500) == symbol_names(8_100)[:500]
    with pytest.raises(ValueError, match="not 8101"):
        symbol_names(8_101)


@pytest.mark.parametrize("shares", [(-0.1, 0, 0), (0.5, 0.5, 0.1)])
def test_impossible_shares_are_refused(shares: tuple[float, float, float]) -> None:
    """Shares lie between 0 and 1, together too."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Flaws(*shares)
