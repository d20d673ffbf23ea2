"""Index of the rules in force: finds those that may apply to a transaction."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from math import inf
from operator import attrgetter

from app.transactions.records import Check, Reason, Rule
from app.transactions.rules import SCOPE, History, above, breaks, concerns, count, total

#: A rule's limit, its id, and the rule: sorted by limit, then id.
_Step = tuple[int, str, Rule]


class _Ladder:
    """Rules that limit the same measure, sorted by limit: bisection finds the broken ones."""

    __slots__ = ("_known", "lowest", "steps")

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        #: Lowest limit: a measure that is not above it breaks no rule.
        self.lowest = inf
        #: Cached reasons by count: counts are few, and a card that reaches a limit does so often.
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
        """Return a reason for each rule whose limit `measure` exceeds."""
        return [
            Reason(rule.id, rule.version, above(rule, check, measure))
            for _, _, rule in self.steps[: bisect_left(self.steps, (measure, ""), key=_limit)]
        ]

    def broken_by_count(self, check: Check, number: int) -> list[Reason]:
        """Return the reasons for a number of transactions, cached: they depend only on it."""
        known = self._known.get(number)
        if known is None:
            known = self._known[number] = self.broken(check, number)
        return known


class _Shelf:
    """Rules that share their lookup key, such as a merchant.

    A rule without a further condition applies to every transaction with that key. The measure of
    such upper limits is computed once, and is mostly not above the lowest: a thousand rules cost
    as little as one.
    """

    __slots__ = ("_counts", "_others", "_sums", "_sure", "amounts", "more")

    def __init__(self) -> None:
        #: Limits of an amount: mostly the only rules, and seldom broken.
        self.amounts = _Ladder()
        #: Whether there are rules of other kinds.
        self.more = False
        self._sums = _Ladder()
        #: Limits of a number of transactions, by period (ms).
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
        """Add to `found` the reasons for which these rules reject a transaction."""
        if check.amount > self.amounts.lowest:
            found += self.amounts.broken(check, check.amount)
        if self._sums.steps:
            summed = total(check, history)
            if summed > self._sums.lowest:
                found += self._sums.broken(check, summed)
        for ladder in self._counts.values():
            # The count is at most the known transactions and this one.
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
    """Index of the rules in force: a transaction is checked against those that may apply to it.

    Each rule is indexed by its first condition of merchant, cards, category, country, currency,
    which are in order of selectivity; rules without a condition are checked each time.
    """

    def __init__(self, rules: Iterable[Rule] = (), version: int = 0) -> None:
        #: Newest version of all rules that are or were in the index.
        self.version = version
        self._rules: dict[str, Rule] = {}
        self._merchants: dict[str, _Shelf] = {}
        self._categories: dict[str, _Shelf] = {}
        self._countries: dict[str, _Shelf] = {}
        self._currencies: dict[str, _Shelf] = {}
        self._cards: dict[str, _Shelf] = {}
        #: Lengths of the card prefixes that are indexed, ascending.
        self._lengths: list[int] = []
        self._everything = _Shelf()
        for rule in rules:
            self.put(rule)

    def put(self, rule: Rule) -> None:
        """Add a rule in place of its previous version; only remove that if it is not enabled."""
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
        """Remove a rule, if it is present."""
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
        """Return a reason for each rule that a transaction breaks, in order of the rules' ids."""
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
            # Most shelves have no broken rule, so skip the call if that is certain.
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
