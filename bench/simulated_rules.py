"""Rules for simulated transactions, as many as wanted."""

from collections.abc import Iterator
from random import Random

from app.transactions.simulator import CATEGORIES, COUNTRIES, CURRENCIES, MERCHANTS

#: Weights of the rules in `simulated_rules`.
WEIGHTS = (30, 10, 20, 20, 8, 8, 2, 2)


def simulated_rules(seed: int, number: int) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yield id, kind and parameters of `number` rules that fit the simulated transactions."""
    random = Random(seed)
    for index in range(number):
        merchant = f"shop-{random.randrange(MERCHANTS):03}"
        category = random.choice(CATEGORIES)
        kinds: list[tuple[str, dict[str, object]]] = [
            ("max-amount", {"merchant": merchant, "limit": random.randrange(5, 400) * 1000}),
            ("max-amount", {"currency": random.choice(CURRENCIES), "limit": 500_000 + index}),
            ("block", {"merchant": merchant, "country": random.choice(COUNTRIES)}),
            ("block", {"cards": f"{4 + index % 3}{random.randrange(100_000):05}"}),
            ("currencies", {"merchant": merchant, "allowed": ["EUR", "USD", "GBP", "PLN"]}),
            ("countries", {"merchant": merchant, "allowed": [*COUNTRIES[:-1]]}),
            ("daily-sum", {"category": category, "limit": 200_000 + index}),
            ("velocity", {"category": category, "limit": 4, "period": "10m"}),
        ]
        kind, parameters = random.choices(kinds, WEIGHTS)[0]
        yield f"rule-{index:04}", kind, parameters
