"""A market that never closes: seeded random walks of many symbols, as records for `ticks`.

No I/O and no clock: the same arguments produce the same records, byte for byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, chain, count, islice
from math import exp, sqrt
from random import Random
from statistics import NormalDist

from eventfold.connectors import Record

DAY = 86_400_000
MINUTE = 60_000

#: Records drawn at a time; another value changes the records of a seed.
CHUNK = 1024
#: No price falls below this, so that four decimals distinguish it from 0.
LOWEST_PRICE = 0.05

_CONSONANTS = "BCDFGHJKLMNPRSTVXZ"
_SYLLABLES = [c + v for c in _CONSONANTS for v in "AEIOU"]
#: Coprime to 90, so that multiplying by it scatters names without repeating one.
_SCATTER = 7919

#: 4,096 quantiles of the normal distribution: a random one is a shock, faster than `gauss`.
_NORMAL = tuple(NormalDist().inv_cdf((i + 0.5) / 4096) for i in range(4096))
#: Sizes of trades: median 100, a few of thousands.
_SIZES = tuple(exp(4.6 + 1.1 * z) for z in _NORMAL)


@dataclass(frozen=True)
class Flaws:
    """Shares (fractions of all records) with a flaw; all 0 is a clean stream.

    `disorder` is up to 5 s behind its time, `late` 6 to 10 min (beyond the default grace of
    5 min), `broken` can't be read: truncated JSON, no price, a price that is text, a wrong key.
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
    """Return 1 to 8,100 names of four letters, the same for any seed. Raises ValueError."""
    if not 1 <= number <= len(_SYLLABLES) ** 2:
        raise ValueError(f"a market has 1 to {len(_SYLLABLES) ** 2:,} symbols, not {number}")
    scattered = (i * _SCATTER % len(_SYLLABLES) ** 2 for i in range(number))
    pairs = (divmod(i, len(_SYLLABLES)) for i in scattered)
    return [_SYLLABLES[first] + _SYLLABLES[second] for first, second in pairs]


def day_curve(time: float) -> float:
    """Return volume at `time` (ms) relative to the UTC day's mean: 2 at its ends, 0.5 at noon."""
    return 0.5 + 1.5 * (2 * (time % DAY) / DAY - 1) ** 2


class Market:
    """Trades of `symbols` symbols, one per `step` ms of event time.

    Activity falls with a symbol's rank as in Zipf's law, and each symbol has its own volatility.
    Prices are geometric random walks, scaled so that a day's swing is 1 to 8 % for any step.
    Volume follows the U shape of a trading day through the trades' sizes, so the rate of records
    is constant.
    """

    def __init__(
        self, *, step: float, symbols: int = 500, seed: int = 1, flaws: Flaws | None = None
    ) -> None:
        #: Event time (ms) between two trades.
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
        """Return each symbol's standard deviation per trade, computed from one per day."""
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
        """Last price of each symbol."""
        return {k.decode(): price for k, price in zip(self._keys, self._prices, strict=True)}

    def resume(self, prices: Mapping[str, float], seed: int) -> None:
        """Continue from the prices of an earlier market, with the walks of another seed."""
        self._random.seed(seed)
        self._flaw_random.seed(f"flaws {seed}")
        for number, key in enumerate(self._keys):
            self._prices[number] = prices.get(key.decode(), self._prices[number])

    def take(self, number: int, time: float) -> list[Record]:
        """Return the next `number` trades, the first at event time `time` (ms)."""
        prices, swings, keys, heads = self._prices, self._swings, self._keys, self._heads
        flaws, chance, step = self._flaws, self._flaw_random.random, self.step
        flawed = flaws.disorder + flaws.late + flaws.broken
        taken: list[Record] = []
        add = taken.append
        minute = 0.0
        # One loop with locals only: 300,000 trades/s leave no time for a function call per trade.
        for i, shock, size in islice(self._draws, number):
            if time >= minute:
                # Once per aligned minute of event time, so that no value depends on `number`.
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
        """Return the trade with one of the flaws."""
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
        """Return a record that can't be read as the trade of `tail`."""
        key, head = self._keys[i], self._heads[i]
        broken = (
            (key, head),
            (key, head.removesuffix(b'"price":') + tail.partition(b",")[2]),
            (key, head + b'"' + tail.replace(b",", b'?",', 1)),
            (b"not-" + key, head + tail),
        )
        return *broken[int(self._flaw_random.random() * len(broken))], time

    def chunks(self, start: int) -> Iterator[list[Record]]:
        """Return endless chunks of 1,024 trades from event time `start` (ms)."""
        return (self.take(CHUNK, start + n * self.step) for n in count(0, CHUNK))

    def records(self, start: int) -> Iterator[Record]:
        """Return endless trades from event time `start` (ms)."""
        return chain.from_iterable(self.chunks(start))
