"""`/api/rules`, `/api/cards/{card}`: the rules in force, and a card's latest transactions."""

from aiohttp import web
from msgspec import Struct

from app.transactions.records import Rule
from app.transactions.verdicts import VERSION, Card
from eventfold.engine.keyed_table import KeyedTable
from eventfold.web import parameters as p
from eventfold.web.parameters import Values
from eventfold.web.query import answer_key, served
from eventfold.web.routes import ASKING, Route

TABLE = "verdicts"


class Rules(Struct, frozen=True):
    """Rules in force, in order of their ids, and their version.

    Version 0 means that there has been no rule.
    """

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


async def rules(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the rules in force, from any partition, since all have the same."""
    del values
    table = _table(request)

    async def read() -> Rules | None:
        states = list(table.keyed_states())
        for state in states:
            version = state.shared.get(VERSION)
            if version is not None:
                found = [rule for name, rule in sorted(state.shared.items()) if name != VERSION]
                return Rules(version, found)
        # No local partition has received a rule.
        return Rules(0, []) if states else None

    return await answer_key(request, table, "", read, "rules")


async def card(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the latest transactions of a card, oldest first."""
    table, name = _table(request), values["card"]

    async def read() -> list[Remembered] | None:
        state: Card | None = table.state_of(name)
        if state is None:
            return None
        return [
            Remembered(
                *(name, each.time, each.amount, each.currency),
                *(each.kind, each.accepted, each.version, each.void),
            )
            for name, each in state.judged.items()
        ]

    return await answer_key(request, table, name, read, f"card {name!r}")


def _table(request: web.Request) -> KeyedTable:
    table: KeyedTable = served(
        request, TABLE, "no transactions are judged here", "transactions", KeyedTable
    )
    return table


ROUTES = (
    Route(
        "/api/rules",
        rules,
        "The rules that transactions are judged by now",
        Rules,
        statuses=ASKING,
        operation="rules",
    ),
    Route(
        "/api/cards/{card}",
        card,
        "The latest transactions of a card, oldest first",
        list[Remembered],
        parameters=(p.path("card", "The card"),),
        statuses=ASKING,
        operation="rules_card",
    ),
)
