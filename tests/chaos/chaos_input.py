"""The ticks of a run of chaos, drawn from its seed: out of order, late, broken.

They begin before midnight (UTC), so that there are two days to rank.
"""

import json
from collections.abc import Iterator
from random import Random

from chaos_plan import Plan
from workers import DAY, MINUTE

#: 2025-06-02T00:00:00Z.
MIDNIGHT = 1_748_822_400_000

#: One tick in so many is late, by a range of ms.
BEHIND = [
    (30, (1, 10_000)),  # out of order
    (100, (MINUTE, 4 * MINUTE)),  # a correction of windows that have ended
    (400, (6 * MINUTE, 20 * MINUTE)),  # late for candles, not for the day
    (4_000, (300 * MINUTE, 360 * MINUTE)),  # late for the day
]

#: One tick in so many can't be read.
BROKEN = 1_000

#: Time (ms) beyond all grace: all windows before it are final.
AHEAD = DAY + 6 * 60 * MINUTE


def symbols(plan: Plan) -> list[str]:
    """Return the names of the symbols."""
    return [f"SYM{number:02}" for number in range(plan.symbols)]


def records(plan: Plan) -> Iterator[tuple[str, bytes]]:
    """Yield key and value of each tick, in the order they are sent."""
    random = Random(f"ticks {plan.seed}")
    prices = {name: random.uniform(5, 500) for name in symbols(plan)}
    names = list(prices)
    start = MIDNIGHT - int(plan.ticks * plan.step * random.uniform(0.3, 0.7))
    for number in range(plan.ticks):
        name = random.choice(names)
        prices[name] *= random.uniform(0.998, 1.002)
        at = start + number * plan.step - _behind(random)
        value = _value(name, prices[name], random.randrange(500), at)
        yield _broken(random, name, value) if random.randrange(BROKEN) == 0 else (name, value)


def closing(plan: Plan) -> Iterator[tuple[str, bytes]]:
    """Return a tick of each symbol that is late enough to make all windows before it final."""
    time = MIDNIGHT + plan.ticks * plan.step + AHEAD
    return ((name, _value(name, 1.0, 1, time)) for name in symbols(plan))


def _value(name: str, price: float, size: int, time: int) -> bytes:
    tick = {"symbol": name, "price": round(price, 4), "size": size, "time": time}
    return json.dumps(tick, separators=(",", ":")).encode()


def _behind(random: Random) -> int:
    return next((random.randint(*ms) for of, ms in BEHIND if random.randrange(of) == 0), 0)


def _broken(random: Random, name: str, value: bytes) -> tuple[str, bytes]:
    tick = json.loads(value)
    return random.choice(
        [
            (name, value[: len(value) // 2]),
            (name, b""),
            (f"not-{name}", value),
            (name, json.dumps({**tick, "price": "n/a"}).encode()),
            (name, json.dumps({**tick, "time": tick["time"] // 1000}).encode()),
            (name, json.dumps({**tick, "time": tick["time"] + 100 * 365 * DAY}).encode()),
        ]
    )
