"""Example rules, which `faust -A app rules examples` adds."""

from typing import Any, NamedTuple

from app.transactions.database import RulesDatabase


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


async def add_examples(database: RulesDatabase) -> int:
    """Add the examples whose ids are missing in the database; return their number."""
    there = {each.id for each in await database.all()}
    added = [each for each in EXAMPLES if each.id not in there]
    for each in added:
        await database.add(*each)
    return len(added)
