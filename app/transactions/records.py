"""Of card transactions: the rules, what is checked, and the verdicts."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from eventfold.records.fields import LARGEST, EventTime, Integer, Name, Text

#: Amounts in the currency's smallest unit: sums are exact.
Amount = Annotated[int, Meta(ge=0, le=LARGEST)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
TransactionKind = Literal["payment", "cancellation", "correction"]
RuleKind = Literal["max-amount", "block", "currencies", "countries", "daily-sum", "velocity"]


class Transaction(Struct, frozen=True, gc=False):
    """A payment, or what cancels or corrects an earlier one of the same card (`refers_to`).

    A correction carries what the payment should have been; a cancellation's amount means nothing.
    """

    id: Name
    card: Name
    amount: Amount
    currency: Currency
    merchant: Name
    category: Text
    country: Country
    time: EventTime
    kind: TransactionKind = "payment"
    refers_to: Name | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """A rule in force from `version` on, which counts all changes of all rules.

    It concerns transactions that have all of what is not empty here: `cards` (what their number
    begins with), `merchant`, `category`, `country`, `currency`. `limit` is an amount, or how many
    transactions of a card there may be within `period` (ms).
    """

    id: Name
    version: Integer
    kind: RuleKind
    cards: Text = ""
    merchant: Text = ""
    category: Text = ""
    country: Text = ""
    currency: Text = ""
    limit: Integer = 0
    allowed: list[Text] = []
    period: Integer = 0
    enabled: bool = True
    deleted: bool = False
    note: Text = ""
    #: When it was changed, by the database's clock.
    time: EventTime


class RuleDeleted(Struct, frozen=True, gc=False):
    """What a tombstone in `rules` says; `time` is Kafka's."""

    id: str
    time: Integer


# -- what is joined


class Check(Struct, frozen=True, gc=False, tag="transaction"):
    """A transaction, where the rules are; with its place in its own topic."""

    card: str
    id: str
    amount: Amount
    currency: str
    merchant: str
    category: str
    country: str
    time: Integer
    kind: TransactionKind
    refers_to: str | None
    partition: Integer
    offset: Integer


class RuleChange(Struct, frozen=True, tag="rule"):
    """A rule as it holds from here on, None if it is no more. It concerns all cards."""

    id: str
    rule: Rule | None
    time: Integer
    card: str = "*"


# -- what comes of it


class Reason(Struct, frozen=True, gc=False):
    """Why not: a rule in one of its versions, or (`rule` empty) what no rule has to say."""

    rule: str
    version: Integer
    text: str


class FirstVerdict(Struct, frozen=True, gc=False):
    """What was said of the transaction that is cancelled or corrected."""

    id: str
    accepted: bool
    amount: Integer
    rules_version: Integer


class Verdict(Struct, frozen=True, gc=False):
    """What is said of a transaction under the rules of `rules_version`; never changed.

    A cancellation or correction has a verdict of its own, which refers to the `first` one.
    """

    id: str
    card: str
    kind: TransactionKind
    refers_to: str | None
    amount: Integer
    currency: str
    merchant: str
    category: str
    country: str
    time: Integer
    accepted: bool
    reasons: list[Reason]
    rules_version: Integer
    first: FirstVerdict | None
    partition: Integer
    offset: Integer


class Validated(Verdict, frozen=True, gc=False):
    """A transaction that breaks no rule."""


class Rejected(Verdict, frozen=True, gc=False):
    """A transaction that does, with each rule it breaks."""
