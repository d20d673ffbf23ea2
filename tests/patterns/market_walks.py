"""Ticks of symbols that walk at random for days: some trade all the time, some rarely.

One in twenty is late, some of these beyond the grace of trends; one in two hundred can't be read.
"""

import json
import random
import time
from collections.abc import Iterator

from app.market.topics import TICKS
from eventfold.connectors.simulations import Sent

DAY = 86_400_000
#: Time between two ticks of any symbols (ms).
STEP = 10_000

#: Relative number of ticks of each symbol; more symbols than three rankings of ten hold.
WEIGHTS = {f"W{number:02}": 40 / (number + 1) for number in range(36)}


def walks(records: int, seed: int) -> list[Sent]:
    """Return so many records, from a midnight (UTC) early enough that all are in the past."""
    days = records * STEP // DAY + 1
    return list(_walks(records, random.Random(seed), (time.time_ns() // 10**6 // DAY - days) * DAY))


def _walks(records: int, rng: random.Random, start: int) -> Iterator[Sent]:
    prices = dict.fromkeys(WEIGHTS, 100.0)
    symbols = rng.choices(list(prices), list(WEIGHTS.values()), k=records)
    for number, symbol in enumerate(symbols):
        prices[symbol] = round(prices[symbol] * rng.lognormvariate(0, 0.002), 2)
        at = start + number * STEP
        luck = rng.random()
        behind = rng.choice([500, 12_000, 29_000, 31_000, 90_000]) if luck < 0.05 else 0
        tick = {"symbol": symbol, "price": prices[symbol], "size": rng.randint(0, 300)}
        value = b"?" if luck > 0.995 else json.dumps(tick | {"time": at - behind}).encode()
        yield TICKS, (symbol, value, at)
