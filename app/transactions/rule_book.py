"""The rules in force, indexed: which of a thousand may concern a transaction."""

from __future__ import annotations

from bisect import bisect_left, insort
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING

from app.transactions.records import Check, Reason, Rule
from app.transactions.rules import SCOPE, above, breaks, concerns, count, total

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.transactions.rules import History

#: A rule in order of its limit, then its id.
_Step = tuple[int, str, Rule]


class _Ladder:
    """Upper limits that the same is compared with: those it is above are found by bisection."""

    __slots__ = ("_known", "lowest", "steps")

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        #: What is not above it is above none.
        self.lowest = inf
        #: What was said of counts: there are few, and cards that reach them do so often.
        self._known: dict[int, list[Reason]] = {}

    def put(self, rule: Rule) -> None:
        insort(self.steps, (rule.limit, rule.id, rule), key=_limit)
        self._known.clear()
        self.lowest = self.steps[0][0]

    def drop(self, rule: Rule) -> None:
        del self.steps[bisect_left(self.steps, (rule.limit, rule.id), key=_limit)]
        self._known.clear()
        self.lowest = self.steps[0][0] if self.steps else inf

    def broken(self, check: Check, measure: int) -> list[Reason]:
        """Give why a transaction is to be rejected of which `measure` is what is limited."""
        return [
            Reason(rule.id, rule.version, above(rule, check, measure))
            for _, _, rule in self.steps[: bisect_left(self.steps, (measure, ""), key=_limit)]
        ]

    def broken_by_count(self, check: Check, number: int) -> list[Reason]:
        """Give the same of a number of transactions, which is all that is said of them."""
        known = self._known.get(number)
        if known is None:
            known = self._known[number] = self.broken(check, number)
        return known


class _Shelf:
    """Rules that share what they are looked up by.

    Those that are narrowed by nothing else concern all that is looked up so. Of the upper limits
    among them, what is compared is computed once, and most often it is not above the lowest: a
    thousand of them cost as little as one.
    """

    __slots__ = ("_counts", "_others", "_sums", "_sure", "amounts", "more")

    def __init__(self) -> None:
        #: Those that limit an amount: mostly all there is, and seldom broken.
        self.amounts = _Ladder()
        #: Whether there are others.
        self.more = False
        self._sums = _Ladder()
        #: By period (ms).
        self._counts: dict[int, _Ladder] = {}
        self._sure: dict[str, Rule] = {}
        self._others: dict[str, Rule] = {}

    def put(self, rule: Rule) -> None:
        if not _is_plain(rule):
            self._others[rule.id] = rule
        elif rule.kind == "max-amount":
            self.amounts.put(rule)
        elif rule.kind == "daily-sum":
            self._sums.put(rule)
        elif rule.kind == "velocity":
            self._counts.setdefault(rule.period, _Ladder()).put(rule)
        else:
            self._sure[rule.id] = rule
        self._look()

    def drop(self, rule: Rule) -> None:
        if not _is_plain(rule):
            del self._others[rule.id]
        elif rule.kind == "max-amount":
            self.amounts.drop(rule)
        elif rule.kind == "daily-sum":
            self._sums.drop(rule)
        elif rule.kind == "velocity":
            ladder = self._counts[rule.period]
            ladder.drop(rule)
            if not ladder.steps:
                del self._counts[rule.period]
        else:
            del self._sure[rule.id]
        self._look()

    def _look(self) -> None:
        self.more = bool(self._sums.steps or self._counts or self._sure or self._others)

    def broken(self, check: Check, history: History, found: list[Reason]) -> None:
        """Add to `found` why a transaction that is looked up here is to be rejected."""
        if check.amount > self.amounts.lowest:
            found += self.amounts.broken(check, check.amount)
        if self._sums.steps:
            summed = total(check, history)
            if summed > self._sums.lowest:
                found += self._sums.broken(check, summed)
        for ladder in self._counts.values():
            # With the one that is judged there can't be more than are known, and one.
            if history.most >= ladder.lowest:
                number = count(ladder.steps[0][2], check, history)
                found += ladder.broken_by_count(check, number)
        for rule in self._sure.values():
            if text := breaks(rule, check, history):
                found.append(Reason(rule.id, rule.version, text))
        for rule in self._others.values():
            if concerns(rule, check) and (text := breaks(rule, check, history)):
                found.append(Reason(rule.id, rule.version, text))

    def __bool__(self) -> bool:
        return self.more or bool(self.amounts.steps)


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
        card, amount = check.card, check.amount
        shelves = [self._cards.get(card[:length]) for length in self._lengths]
        shelves += (
            self._merchants.get(check.merchant),
            self._categories.get(check.category),
            self._countries.get(check.country),
            self._currencies.get(check.currency),
            self._everything,
        )
        for shelf in shelves:
            # Of several for each transaction, most have nothing to say: those are not even asked.
            if shelf is not None and (shelf.more or amount > shelf.amounts.lowest):
                shelf.broken(check, history, found)
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


_name = attrgetter("rule")
