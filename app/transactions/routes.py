"""`/api/rules`, `/api/cards/{card}`: the rules in force, and a card's latest transactions."""

from functools import partial
from typing import Any

from msgspec import Struct

from app.transactions.records import Rule
from app.transactions.verdicts import VERSION, Card
from eventfold.engine.keyed_table import KeyedTable
from eventfold.web import parameters as p
from eventfold.web.parameters import Values
from eventfold.web.query.alerts import key_route


class Rules(Struct, frozen=True):
    """Rules in force, by id, and their version; 0 if there has been no rule."""

    version: int
    rules: list[Rule]


class Remembered(Struct, frozen=True):
    """A transaction of a card; `void` if it was cancelled or corrected."""

    id: str
    time: int
    amount: int
    currency: str
    kind: str
    accepted: bool
    rules_version: int
    void: bool


def _rules(table: KeyedTable, _: Values) -> Rules | None:
    """Return the rules in force, from any partition, since all have the same."""
    states = list(table.keyed_states())
    for state in states:
        version = state.shared.get(VERSION)
        if version is not None:
            found = [rule for name, rule in sorted(state.shared.items()) if name != VERSION]
            return Rules(version, found)
    # No local partition has received a rule.
    return Rules(0, []) if states else None


def _card(table: KeyedTable, values: Values) -> list[Remembered] | None:
    state: Card | None = table.state_of(values["card"])
    if state is None:
        return None
    return [
        Remembered(
            *(name, each.time, each.amount, each.currency),
            *(each.kind, each.accepted, each.version, each.void),
        )
        for name, each in state.judged.items()
    ]


_verdicts: Any = partial(
    key_route,
    table="verdicts",
    kind=KeyedTable,
    pipeline="transactions",
    missing="no transactions are judged here",
)

ROUTES = (
    _verdicts(
        "/api/rules",
        Rules,
        "The rules that transactions are judged by now",
        _rules,
        what=lambda _: "rules",
        operation="rules",
    ),
    _verdicts(
        "/api/cards/{card}",
        list[Remembered],
        "The latest transactions of a card, oldest first",
        _card,
        what=lambda values: f"card {values['card']!r}",
        key="card",
        operation="rules_card",
        parameters=(p.path("card", "The card"),),
    ),
)
