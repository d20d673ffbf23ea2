"""Records of card transactions: transactions, rules, checks and verdicts."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from eventfold.records.fields import LARGEST, EventTime, Integer, Name, Text

#: Amount in the currency's smallest unit, so that sums are exact.
Amount = Annotated[int, Meta(ge=0, le=LARGEST)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
TransactionKind = Literal["payment", "cancellation", "correction"]
RuleKind = Literal["max-amount", "block", "currencies", "countries", "daily-sum", "velocity"]


class Transaction(Struct, frozen=True, gc=False):
    """A payment, or a cancellation or correction of an earlier one of the card (`refers_to`).

    A correction carries what the payment should have been; a cancellation's amount is ignored.
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
    """A rule, valid from `version` on; versions count all changes of all rules.

    It applies to transactions that match every condition that is not empty: `cards` (prefix of the
    card number), `merchant`, `category`, `country`, `currency`. `limit` is an amount, or the most
    transactions of a card within `period` (ms).
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
    #: Time of the change (ms), by the database's clock.
    time: EventTime


class RuleDeleted(Struct, frozen=True, gc=False):
    """Deletion of a rule (a tombstone in `rules`); `time` is Kafka's timestamp."""

    id: str
    time: Integer


# -- inputs of the join of transactions with rules


class Check(Struct, frozen=True, gc=False, tag="transaction"):
    """A transaction in the topic that also has the rules; with its original coordinates."""

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
    """A rule that is valid from this record on, null if it was deleted. It applies to all cards."""

    id: str
    rule: Rule | None
    time: Integer
    card: str = "*"


# -- verdicts


class Reason(Struct, frozen=True, gc=False):
    """Reason for a rejection: a version of a rule, or (`rule` empty) a conflict with the card."""

    rule: str
    version: Integer
    text: str


class FirstVerdict(Struct, frozen=True, gc=False):
    """Verdict on the transaction that is cancelled or corrected."""

    id: str
    accepted: bool
    amount: Integer
    rules_version: Integer


class Verdict(Struct, frozen=True, gc=False):
    """Verdict on a transaction under the rules of `rules_version`; it is never changed.

    A cancellation or correction has its own verdict, which refers to the `first` one.
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
    """A transaction that breaks a rule, with all the reasons."""
