"""The rules in force, indexed: which of a thousand may concern a transaction."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from app.calc.rules import SCOPE, History, breaks, concerns, count, total
from app.records import Check, Reason, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: What each of these kinds compares with its limit.
_MEASURES: dict[str, Callable[[Rule, Check, History], int]] = {
    "max-amount": lambda _, check, __: check.amount,
    "daily-sum": lambda _, check, history: total(check, history),
    "velocity": count,
}

#: A rule in order of its limit, then its id.
_Step = tuple[int, str, Rule]


class _Shelf:
    """Rules that share what they are looked up by.

    Those that are narrowed by nothing else concern all that is looked up so. Of the upper limits
    among them, what is compared is computed once, and those it is above are found by bisection: a
    thousand of them cost as little as one.
    """

    def __init__(self) -> None:
        self._ladders: dict[tuple[str, int], list[_Step]] = {}
        self._sure: dict[str, Rule] = {}
        self._others: dict[str, Rule] = {}

    def put(self, rule: Rule) -> None:
        if not _is_plain(rule):
            self._others[rule.id] = rule
        elif rule.kind in _MEASURES:
            ladder = self._ladders.setdefault((rule.kind, rule.period), [])
            insort(ladder, (rule.limit, rule.id, rule), key=_limit)
        else:
            self._sure[rule.id] = rule

    def drop(self, rule: Rule) -> None:
        if not _is_plain(rule):
            del self._others[rule.id]
        elif rule.kind in _MEASURES:
            ladder = self._ladders[rule.kind, rule.period]
            del ladder[bisect_left(ladder, (rule.limit, rule.id), key=_limit)]
            if not ladder:
                del self._ladders[rule.kind, rule.period]
        else:
            del self._sure[rule.id]

    def broken(self, check: Check, history: History, found: list[Reason]) -> None:
        """Add to `found` why a transaction that is looked up here is to be rejected."""
        for (kind, _), ladder in self._ladders.items():
            lowest = ladder[0]
            measure = _MEASURES[kind](lowest[2], check, history)
            if measure > lowest[0]:
                above = bisect_left(ladder, (measure, ""), key=_limit)
                for _, _, rule in ladder[:above]:
                    _add(rule, check, history, found)
        for rule in self._sure.values():
            _add(rule, check, history, found)
        for rule in self._others.values():
            if concerns(rule, check):
                _add(rule, check, history, found)

    def __bool__(self) -> bool:
        return bool(self._ladders or self._sure or self._others)


def _add(rule: Rule, check: Check, history: History, found: list[Reason]) -> None:
    text = breaks(rule, check, history)
    if text:
        found.append(Reason(rule.id, rule.version, text))


def _is_plain(rule: Rule) -> bool:
    return sum(bool(getattr(rule, name)) for name in SCOPE) < 2


def _limit(entry: _Step) -> tuple[int, str]:
    return entry[0], entry[1]


class RuleBook:
    """The rules in force, indexed: a transaction is held against those that may concern it.

    Each rule stands where its narrowest condition is looked up: merchant, then cards, category,
    country, currency; rules without any are asked each time.
    """

    def __init__(self, rules: Iterable[Rule] = (), version: int = 0) -> None:
        #: The newest version of a rule that is in it, or was.
        self.version = version
        self._rules: dict[str, Rule] = {}
        self._merchants: dict[str, _Shelf] = {}
        self._categories: dict[str, _Shelf] = {}
        self._countries: dict[str, _Shelf] = {}
        self._currencies: dict[str, _Shelf] = {}
        self._cards: dict[str, _Shelf] = {}
        #: How long what card numbers are looked up by is.
        self._lengths: list[int] = []
        self._everything = _Shelf()
        for rule in rules:
            self.put(rule)

    def put(self, rule: Rule) -> None:
        """Take a rule in, in place of its former version; one that is not enabled leaves it out."""
        self.drop(rule.id)
        self.version = max(self.version, rule.version)
        if not rule.enabled or rule.deleted:
            return
        self._rules[rule.id] = rule
        shelves, name = self._place(rule)
        if shelves is None:
            self._everything.put(rule)
        else:
            shelves.setdefault(name, _Shelf()).put(rule)
            self._measure()

    def drop(self, name: str) -> None:
        """Take a rule out, if it is there."""
        rule = self._rules.pop(name, None)
        if rule is None:
            return
        shelves, place = self._place(rule)
        if shelves is None:
            self._everything.drop(rule)
            return
        shelves[place].drop(rule)
        if not shelves[place]:
            del shelves[place]
            self._measure()

    def broken(self, check: Check, history: History) -> list[Reason]:
        """Give why a transaction is to be rejected: each rule it breaks, in order of their ids."""
        found: list[Reason] = []
        if shelf := self._merchants.get(check.merchant):
            shelf.broken(check, history, found)
        for length in self._lengths:
            if shelf := self._cards.get(check.card[:length]):
                shelf.broken(check, history, found)
        if shelf := self._categories.get(check.category):
            shelf.broken(check, history, found)
        if shelf := self._countries.get(check.country):
            shelf.broken(check, history, found)
        if shelf := self._currencies.get(check.currency):
            shelf.broken(check, history, found)
        if self._everything:
            self._everything.broken(check, history, found)
        if len(found) > 1:
            found.sort(key=_name)
        return found

    def _place(self, rule: Rule) -> tuple[dict[str, _Shelf] | None, str]:
        for shelves, name in (
            (self._merchants, rule.merchant),
            (self._cards, rule.cards),
            (self._categories, rule.category),
            (self._countries, rule.country),
            (self._currencies, rule.currency),
        ):
            if name:
                return shelves, name
        return None, ""

    def _measure(self) -> None:
        self._lengths = sorted({len(name) for name in self._cards})

    def __len__(self) -> int:
        return len(self._rules)


def _name(reason: Reason) -> str:
    return reason.rule
