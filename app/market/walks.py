"""A market that never closes: seeded random walks of many symbols, as records for `ticks`.

No I/O and no clock: the same arguments give the same records, byte for byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, chain, count, islice
from math import exp, sqrt
from random import Random
from statistics import NormalDist

from app.sources import Record

DAY = 86_400_000
MINUTE = 60_000

#: Records drawn at a time; part of what makes two runs the same.
CHUNK = 1024
#: No price falls below this: four decimals have to tell it from nothing.
LOWEST_PRICE = 0.05

_CONSONANTS = "BCDFGHJKLMNPRSTVXZ"
_SYLLABLES = [c + v for c in _CONSONANTS for v in "AEIOU"]
#: Shares no factor with 90, so that multiplying by it scatters names without repeating one.
_SCATTER = 7919

#: 4,096 quantiles of the normal distribution: drawing one is drawing a shock, but faster.
_NORMAL = tuple(NormalDist().inv_cdf((i + 0.5) / 4096) for i in range(4096))
#: Sizes of trades: median 100, a few of thousands.
_SIZES = tuple(exp(4.6 + 1.1 * z) for z in _NORMAL)


@dataclass(frozen=True)
class Flaws:
    """Shares (fractions of all records) that are not as they should be; all 0 is a clean stream.

    `disorder` comes up to 5 s behind its time, `late` 6 to 10 min (beyond the default grace of
    5 min), `broken` can't be read: cut-off JSON, no price, a price of no number, another's key.
    """

    disorder: float = 0.01
    late: float = 0.0002
    broken: float = 0.0001

    def __post_init__(self) -> None:
        shares = (self.disorder, self.late, self.broken)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError("shares lie between 0 and 1, and their sum too")


CLEAN = Flaws(0, 0, 0)


def symbol_names(number: int) -> list[str]:
    """Give `number` (1 to 8,100) names of four letters, the same whatever the seed."""
    if not 1 <= number <= len(_SYLLABLES) ** 2:
        raise ValueError(f"a market has 1 to {len(_SYLLABLES) ** 2:,} symbols, not {number}")
    scattered = (i * _SCATTER % len(_SYLLABLES) ** 2 for i in range(number))
    pairs = (divmod(i, len(_SYLLABLES)) for i in scattered)
    return [_SYLLABLES[first] + _SYLLABLES[second] for first, second in pairs]


def day_curve(time: float) -> float:
    """Give the volume at `time` (ms) relative to the UTC day's mean: 2 at its ends, 0.5 at noon."""
    return 0.5 + 1.5 * (2 * (time % DAY) / DAY - 1) ** 2


class Market:
    """Trades of `symbols` symbols, one each `step` ms of event time.

    Activity falls with a symbol's rank as in Zipf's law, volatility is a symbol's own, prices
    walk geometrically and keep their scale whatever the step: a day's swing is 1 to 8 %.
    Volume follows the U of a trading day through the trades' sizes, so the rate of records
    stays the one asked for.
    """

    def __init__(
        self, *, step: float, symbols: int = 500, seed: int = 1, flaws: Flaws | None = None
    ) -> None:
        #: Ms of event time between two trades.
        self.step = step
        self._flaws = Flaws() if flaws is None else flaws
        self._random = Random(seed)  # noqa: S311 - a simulation, not a secret
        self._flaw_random = Random(f"flaws {seed}")  # noqa: S311 - the same
        names = symbol_names(symbols)
        self._keys = [name.encode() for name in names]
        self._heads = [b'{"symbol":"%s","price":' % key for key in self._keys]
        self._prices = [exp(self._random.gauss(3.8, 0.9)) + 1 for _ in names]
        weights = [1 / (rank + 1) ** 0.9 for rank in range(symbols)]
        self._random.shuffle(weights)
        self._activity = list(accumulate(weights))
        self._swings = self._swings_per_trade(weights)
        self._draws = chain.from_iterable(iter(self._draw, None))

    def _swings_per_trade(self, weights: list[float]) -> list[float]:
        """Give each symbol's standard deviation per trade, from one per day."""
        trades_per_day = DAY / self.step
        total = self._activity[-1]
        daily = (min(exp(self._random.gauss(-3.7, 0.5)), 0.08) for _ in weights)
        return [
            swing / sqrt(max(1.0, trades_per_day * weight / total))
            for swing, weight in zip(daily, weights, strict=True)
        ]

    def _draw(self) -> Iterator[tuple[int, float, float]]:
        choices = self._random.choices
        chosen = choices(range(len(self._keys)), cum_weights=self._activity, k=CHUNK)
        return zip(chosen, choices(_NORMAL, k=CHUNK), choices(_SIZES, k=CHUNK), strict=True)

    @property
    def prices(self) -> dict[str, float]:
        """The last price of each symbol."""
        return {k.decode(): price for k, price in zip(self._keys, self._prices, strict=True)}

    def resume(self, prices: Mapping[str, float], seed: int) -> None:
        """Go on from the prices of an earlier market, by walks that it has not had.

        Who trades how much and swings how far stays as it is. Symbols without a price keep theirs.
        """
        self._random.seed(seed)
        self._flaw_random.seed(f"flaws {seed}")
        for number, key in enumerate(self._keys):
            self._prices[number] = prices.get(key.decode(), self._prices[number])

    def take(self, number: int, time: float) -> list[Record]:
        """Give the next `number` trades, the first at event time `time` (ms)."""
        prices, swings, keys, heads = self._prices, self._swings, self._keys, self._heads
        flaws, chance, step = self._flaws, self._flaw_random.random, self.step
        flawed = flaws.disorder + flaws.late + flaws.broken
        taken: list[Record] = []
        add = taken.append
        minute = 0.0
        # One loop with everything in locals: at 300,000 trades/s a call each is what it can't pay.
        for i, shock, size in islice(self._draws, number):
            if time >= minute:
                # Once a minute of event time, aligned to it: nothing depends on `number`.
                volume = day_curve(time // MINUTE * MINUTE)
                swing = sqrt(volume)
                minute = (time // MINUTE + 1) * MINUTE
            price = prices[i] * exp(swings[i] * swing * shock)
            prices[i] = price = max(price, LOWEST_PRICE)
            at = int(time)
            if flawed and chance() < flawed:
                add(self._spoil(i, price, size * volume + 1, at))
            else:
                tail = b'%.4f,"size":%d,"time":%d}' % (price, size * volume + 1, at)
                add((keys[i], heads[i] + tail, at))
            time += step
        return taken

    def _spoil(self, i: int, price: float, size: float, time: int) -> Record:
        """Give the trade with one of the flaws."""
        flaws, chance = self._flaws, self._flaw_random.random
        which = chance() * (flaws.disorder + flaws.late + flaws.broken)
        if which < flaws.disorder:
            time -= 1 + int(chance() * 4_999)
        elif which < flaws.disorder + flaws.late:
            time -= int((6 + chance() * 4) * MINUTE)
        else:
            return self._break(i, b'%.4f,"size":%d,"time":%d}' % (price, size, time), time)
        tail = b'%.4f,"size":%d,"time":%d}' % (price, size, time)
        return self._keys[i], self._heads[i] + tail, time

    def _break(self, i: int, tail: bytes, time: int) -> Record:
        """Give a record that can't be read as the trade of `tail`."""
        key, head = self._keys[i], self._heads[i]
        broken = (
            (key, head),
            (key, head.removesuffix(b'"price":') + tail.partition(b",")[2]),
            (key, head + b'"' + tail.replace(b",", b'?",', 1)),
            (b"not-" + key, head + tail),
        )
        return *broken[int(self._flaw_random.random() * len(broken))], time

    def chunks(self, start: int) -> Iterator[list[Record]]:
        """Give trades without end from event time `start` (ms), 1,024 at a time."""
        return (self.take(CHUNK, start + n * self.step) for n in count(0, CHUNK))

    def records(self, start: int) -> Iterator[Record]:
        """Give trades without end from event time `start` (ms)."""
        return chain.from_iterable(self.chunks(start))
