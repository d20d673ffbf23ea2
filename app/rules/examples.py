"""A few rules to begin with: what `faust -A app rules examples` adds."""

from typing import Any, NamedTuple


class Example(NamedTuple):
    """A rule as a row."""

    id: str
    kind: str
    parameters: dict[str, Any]
    note: str


EXAMPLES = (
    Example("cap-eur", "max-amount", {"currency": "EUR", "limit": 100_000}, "1,000.00 EUR at once"),
    Example("no-casino", "block", {"category": "casino"}, "no gambling"),
    Example("embargo", "block", {"country": "KP"}, "sanctions"),
    Example(
        "currencies", "currencies", {"allowed": ["EUR", "USD", "GBP", "PLN"]}, "what is settled"
    ),
    Example("day-eur", "daily-sum", {"currency": "EUR", "limit": 250_000}, "2,500.00 EUR a day"),
    Example("velocity", "velocity", {"limit": 5, "period": "1m"}, "five a minute"),
)
