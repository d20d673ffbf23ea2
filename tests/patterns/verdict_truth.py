"""Expected verdict of each transaction: every rule is applied to it, one after the other."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

DAY = 86_400_000
SCOPE = ("merchant", "category", "country", "currency")


class Row(NamedTuple):
    """A rule as of a version; `kind` is None where it is deleted or disabled."""

    version: int
    id: str
    kind: str | None
    parameters: dict[str, Any]


class Past(NamedTuple):
    """A transaction with a verdict."""

    transaction: dict[str, Any]
    accepted: bool
    version: int


class Found(NamedTuple):
    """Content of a verdict."""

    accepted: bool
    #: Rule and version of each reason, ("", 0) where no rule is the reason.
    reasons: list[tuple[str, int]]
    #: Id, verdict and version of the cancelled or corrected transaction.
    first: tuple[str, bool, int] | None


class Truth:
    """Judge the transactions of each card in order of arrival."""

    def __init__(self, rows: Iterable[Row], most: int) -> None:
        self.rows = sorted(rows)
        self.most = most
        self.cards: dict[str, list[Past]] = defaultdict(list)
        self.void: set[tuple[str, str]] = set()
        #: All accepted transactions, by card; the history of a card is shorter.
        self.accepted: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._at: dict[int, list[Row]] = {}

    def in_force(self, version: int) -> list[Row]:
        """Return the rules of a version."""
        if version not in self._at:
            last = {row.id: row for row in self.rows if row.version <= version}
            self._at[version] = [row for _, row in sorted(last.items()) if row.kind]
        return self._at[version]

    def judge(self, transaction: dict[str, Any], version: int) -> Found:
        """Judge the next transaction of its card by the rules of a version."""
        card, name = transaction["card"], transaction["id"]
        past, kind = self.cards[card], transaction.get("kind", "payment")
        old = next((p for p in past if p.transaction["id"] == transaction.get("refers_to")), None)
        old = None if kind == "payment" else old
        first = old and (old.transaction["id"], old.accepted, old.version)
        known = any(p.transaction["id"] == name for p in past)
        reasons: list[tuple[str, int]] = []
        if known or (kind != "payment" and self._refers_to_nothing_valid(card, kind, old)):
            reasons = [("", 0)]
        elif kind != "cancellation":
            reasons = [
                (row.id, row.version)
                for row in self.in_force(version)
                if self._breaks(row, transaction, old)
            ]
        found = Found(not reasons, reasons, first)
        if not known:
            past.append(Past(transaction, found.accepted, version))
            del past[: -self.most]
        if found.accepted and not known:
            if old:
                self.void.add((card, old.transaction["id"]))
            if kind != "cancellation":
                self.accepted[card].append(transaction)
        return found

    def _refers_to_nothing_valid(self, card: str, kind: str, old: Past | None) -> bool:
        if old is None or (card, old.transaction["id"]) in self.void:
            return True
        if old.transaction.get("kind") == "cancellation":
            return True
        return kind == "cancellation" and not old.accepted

    def _breaks(self, row: Row, transaction: dict[str, Any], old: Past | None) -> bool:
        p = row.parameters
        if not transaction["card"].startswith(p.get("cards", "")):
            return False
        if any(p.get(name) and p[name] != transaction[name] for name in SCOPE):
            return False
        plain = {
            "block": lambda: True,
            "max-amount": lambda: transaction["amount"] > p["limit"],
            "currencies": lambda: transaction["currency"] not in p["allowed"],
            "countries": lambda: transaction["country"] not in p["allowed"],
        }
        if row.kind in plain:
            return plain[row.kind]()
        card, time = transaction["card"], transaction["time"]
        without = old.transaction["id"] if old else None
        if row.kind == "daily-sum":
            spent = sum(
                each["amount"]
                for each in self.accepted[card]
                if each["currency"] == transaction["currency"]
                and each["time"] // DAY == time // DAY
                and each["id"] != without
                and (card, each["id"]) not in self.void
            )
            return spent + transaction["amount"] > p["limit"]
        assert (row.kind, p["period"]) == ("velocity", "10m")
        count = sum(
            time - 600_000 < each.transaction["time"] <= time
            for each in self.cards[card]
            if each.transaction.get("kind") != "cancellation"
            and each.transaction["id"] != without
            and (card, each.transaction["id"]) not in self.void
        )
        return count + 1 > p["limit"]


def row_of(version: int, name: str, row: dict[str, Any] | None) -> Row:
    """Make a row from the one in the database."""
    if row is None or not row["enabled"]:
        return Row(version, name, None, {})
    return Row(version, name, row["kind"], json.loads(row["parameters"]))
