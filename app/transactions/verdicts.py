"""Verdicts on transactions, by the rules in force and by the card's earlier transactions."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from msgspec import Struct

from app.transactions.records import (
    Check,
    FirstVerdict,
    Reason,
    Rejected,
    Rule,
    RuleChange,
    RuleDeleted,
    Transaction,
    Validated,
)
from app.transactions.rule_book import RuleBook
from app.transactions.rules import MOST_COUNTED
from eventfold.operators.processor import Context, Sender

DAY = 86_400_000

#: Name, in the broadcast state, of the newest version of all rules; no rule has this id.
VERSION = ""


def to_check(transaction: Transaction, sender: Sender) -> None:
    """Send a transaction to the topic that also has the rules."""
    t = transaction
    # By position, in the order of the fields, for speed: one is made for every transaction.
    check = Check(
        t.card,
        t.id,
        t.amount,
        t.currency,
        t.merchant,
        t.category,
        t.country,
        t.time,
        t.kind,
        t.refers_to,
        sender.partition,
        sender.offset,
    )
    sender.send(check)


def to_all(partitions: int) -> Callable[[Rule | RuleDeleted, Sender], None]:
    """Return an operator that sends a change of the rules to each of `partitions` partitions."""

    def broadcast(record: Rule | RuleDeleted, sender: Sender) -> None:
        rule = record if isinstance(record, Rule) else None
        change = RuleChange(record.id, rule, record.time)
        for partition in range(partitions):
            sender.send(change, partition=partition)

    return broadcast


class Judged(Struct, array_like=True, gc=False):
    """State kept of a transaction."""

    time: int
    amount: int
    currency: str
    kind: str
    accepted: bool
    #: Version of the rules of its verdict.
    version: int
    #: Whether it was cancelled or corrected, so that it no longer counts.
    void: bool = False

    @property
    def counts(self) -> bool:
        """Whether rules that limit a number of transactions count it."""
        return not self.void and self.kind != "cancellation"


class Card(Struct, array_like=True, dict=True):
    """State of a card: its latest transactions by id, in order of arrival.

    `spent` is the accepted sum by day (UTC, ms) and currency: `1767225600000 EUR`.
    """

    judged: dict[str, Judged]
    spent: dict[str, int]
    #: Highest event time (ms).
    newest: int = 0

    @cached_property
    def times(self) -> list[int]:
        """Times of the transactions that count (ms), ascending.

        Derived from `judged` at the first use and not stored, so that a rule that counts a card's
        transactions need not read each of them.
        """
        return sorted(each.time for each in self.judged.values() if each.counts)

    def take(self, name: str, judged: Judged) -> None:
        """Add a transaction."""
        self.judged[name] = judged
        if "times" in self.__dict__ and judged.counts:
            insort(self.times, judged.time)

    def forget(self, name: str) -> None:
        """Remove a transaction."""
        self._discount(self.judged.pop(name))

    def annul(self, judged: Judged) -> None:
        """Mark a transaction as void, so that it no longer counts."""
        self._discount(judged)
        judged.void = True

    def _discount(self, judged: Judged) -> None:
        if "times" in self.__dict__ and judged.counts:
            del self.times[bisect_left(self.times, judged.time)]


class _View:
    """History of a card for the rules, without the transaction that is being corrected, if any."""

    __slots__ = ("_card", "_without", "most")

    def __init__(self, card: Card, without: Judged | None) -> None:
        self._card = card
        self._without = without
        #: Number of known transactions, an upper bound of `count`.
        self.most = len(card.judged)

    def spent(self, currency: str, time: int) -> int:
        """Return the accepted sum in a currency on the day (UTC) of a time (ms)."""
        day = _day(time, currency)
        total, without = self._card.spent.get(day, 0), self._without
        if without and without.accepted and _day(without.time, without.currency) == day:
            total -= without.amount
        return total

    def count(self, after: int, until: int) -> int:
        """Return the number of transactions with after < time <= until (ms)."""
        times, without = self._card.times, self._without
        found = bisect_right(times, until) - bisect_right(times, after)
        if without and without.counts and after < without.time <= until:
            found -= 1
        return found


class Judge:
    """Processor that publishes a verdict on each transaction, by the rules in broadcast state.

    It keeps the latest `most` transactions of a card, those of the last `memory` (ms of the card's
    own event time): for that long they can be cancelled or corrected.
    """

    def __init__(self, memory: int, most: int) -> None:
        self.memory = memory
        self.most = max(most, MOST_COUNTED)
        #: By partition: its broadcast state, and the index derived from it. A partition that is
        #: opened again has another mapping, so the index is built anew.
        self._books: dict[int, tuple[Mapping[str, Any], RuleBook]] = {}

    def on_record(self, state: Card | None, record: Check, context: Context) -> Card:
        """Publish the verdict on a transaction, and keep the transaction unless it is a repeat."""
        card = state or Card({}, {})
        book = self._book(context)
        again, kind = record.id in card.judged, record.kind
        first = None if kind == "payment" else card.judged.get(record.refers_to or "")
        # A new payment has no conflict with earlier transactions, so skip that check.
        reasons = _at_odds(card, record, first) if again or kind != "payment" else []
        if not reasons and kind != "cancellation":
            reasons = book.broken(record, _View(card, first))
        context.send(_verdict(record, reasons, book.version, first))
        if not again:
            self._remember(card, record, first, book.version, accepted=not reasons)
        return card

    def on_time(self, state: Card, context: Context) -> Card:
        """Return the state as it is: no timer is set."""
        del context
        return state

    def on_shared(self, record: RuleChange, context: Context) -> None:
        """Apply a change of the rules to the broadcast state and the index."""
        rule = record.rule
        book = self._book(context)
        if rule is None or rule.deleted:
            context.share(record.id, None)
            book.drop(record.id)
        if rule is not None:
            book.put(rule)
            if not rule.deleted:
                context.share(rule.id, rule)
            context.share(VERSION, book.version)

    def _book(self, context: Context) -> RuleBook:
        shared = context.shared
        known = self._books.get(context.partition)
        if known is not None and known[0] is shared:
            return known[1]
        rules = (rule for name, rule in shared.items() if name != VERSION)
        book = RuleBook(rules, shared.get(VERSION, 0))
        self._books[context.partition] = shared, book
        return book

    def _remember(
        self, card: Card, check: Check, first: Judged | None, version: int, *, accepted: bool
    ) -> None:
        if accepted and first is not None:
            card.annul(first)
            if first.accepted:
                _spend(card, first.time, first.currency, -first.amount)
        if accepted and check.kind != "cancellation":
            _spend(card, check.time, check.currency, check.amount)
        judged = card.judged
        new = Judged(check.time, check.amount, check.currency, check.kind, accepted, version)
        card.take(check.id, new)
        card.newest = max(card.newest, check.time)
        after = card.newest - self.memory
        # Mostly none is removed; the transaction just added always stays.
        while len(judged) > 1:
            oldest = next(iter(judged))
            if len(judged) <= self.most and judged[oldest].time >= after:
                break
            card.forget(oldest)
        if len(card.spent) > 1:
            for day in [day for day in card.spent if _start(day) < after - DAY]:
                del card.spent[day]


def _at_odds(card: Card, check: Check, first: Judged | None) -> list[Reason]:
    """Return the conflict with earlier transactions: a repeat, or an invalid `refers_to`."""
    if check.id in card.judged:
        text = f"{check.id} was judged already"
    elif check.kind == "payment":
        return []
    elif first is None:
        text = f"{check.refers_to} is not known of this card, or too old to be changed"
    elif first.void:
        text = f"{check.refers_to} was cancelled or corrected already"
    elif first.kind == "cancellation":
        text = f"{check.refers_to} is a cancellation itself"
    elif check.kind == "cancellation" and not first.accepted:
        text = f"{check.refers_to} was rejected: there is nothing to cancel"
    else:
        return []
    return [Reason("", 0, text)]


def _verdict(
    check: Check, reasons: list[Reason], version: int, first: Judged | None
) -> Validated | Rejected:
    before = None
    if first is not None:
        before = FirstVerdict(check.refers_to or "", first.accepted, first.amount, first.version)
    # By position, in the order of the fields, for speed: one is made for every transaction.
    return (Rejected if reasons else Validated)(
        check.id,
        check.card,
        check.kind,
        check.refers_to,
        check.amount,
        check.currency,
        check.merchant,
        check.category,
        check.country,
        check.time,
        not reasons,
        reasons,
        version,
        before,
        check.partition,
        check.offset,
    )


def _day(time: int, currency: str) -> str:
    return _day_named(time // DAY, currency)


# Cached in both directions: days are few, and each transaction needs its own several times.


@lru_cache(maxsize=10_000)
def _day_named(number: int, currency: str) -> str:
    return f"{number * DAY} {currency}"


@lru_cache(maxsize=10_000)
def _start(day: str) -> int:
    """Return the start (ms) of a day from its name in `Card.spent`."""
    return int(day.partition(" ")[0])


def _spend(card: Card, time: int, currency: str, amount: int) -> None:
    day = _day(time, currency)
    card.spent[day] = card.spent.get(day, 0) + amount
