"""Rules for transactions: their parameters, their parser and their checks.

A rule is a row of a database: its kind, and parameters as JSON. Each may have conditions: `cards`
(prefix of the card number), `merchant`, `category`, `country`, `currency`.

    max-amount   {"limit": 50000, "currency": "EUR"}           no transaction above it
    block        {"category": "casino", "country": "XX"}       none at all
    currencies   {"allowed": ["EUR", "USD"], "cards": "4"}     none in another currency
    countries    {"allowed": ["DE", "FR"]}                     none in another country
    daily-sum    {"limit": 200000, "currency": "EUR"}          a card's sum of a day (UTC)
    velocity     {"limit": 5, "period": "10m"}                 a card's transactions in a period
"""

from collections.abc import Callable
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct

from app.transactions.records import Check, Rule
from eventfold.decoding import decode_json
from eventfold.records.fields import LARGEST
from eventfold.windows.durations import format_duration, parse_duration
from eventfold.windows.errors import DefinitionError

Limit = Annotated[int, Meta(gt=0, le=LARGEST)]
Code = Annotated[str, Meta(min_length=1)]

#: Bound of the number of transactions of a card that a rule counts, and longest period (ms).
MOST_COUNTED, LONGEST = 100, 24 * 3_600_000

#: Names of a rule's conditions.
SCOPE = ("cards", "merchant", "category", "country", "currency")


class BadRuleError(ValueError):
    """A row that is no valid rule; the message names what is wrong with it."""


# -- parameters of a row


class _Scope(Struct, forbid_unknown_fields=True, kw_only=True):
    cards: str = ""
    merchant: str = ""
    category: str = ""
    country: str = ""
    currency: str = ""


class _Amount(_Scope):
    limit: Limit


class _Allowed(_Scope):
    allowed: Annotated[list[Code], Meta(min_length=1)]


class _Velocity(_Scope):
    limit: Annotated[int, Meta(ge=1, lt=MOST_COUNTED)]
    period: str


#: Kind → its parameters.
KINDS: dict[str, type[_Scope]] = {
    "max-amount": _Amount,
    "block": _Scope,
    "currencies": _Allowed,
    "countries": _Allowed,
    "daily-sum": _Amount,
    "velocity": _Velocity,
}


def read_rule(
    name: str, kind: str, parameters: str, *, enabled: bool, note: str, version: int, time: int
) -> Rule:
    """Parse a row of the database: return its rule. Raises BadRuleError, naming what is wrong."""
    shape = KINDS.get(kind)
    if shape is None:
        raise BadRuleError(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
    try:
        read: Any = decode_json(parameters, shape)
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
        raise BadRuleError(f"parameters {parameters!r}: {error}") from error
    fields = msgspec.structs.asdict(read)
    if kind == "block" and not any(fields.values()):
        raise BadRuleError(f"it would block everything; narrow it by one of {', '.join(SCOPE)}")
    if kind == "velocity":
        fields["period"] = _period(read.period)
    if not name:
        raise BadRuleError("it has no id")
    row = {
        "id": name,
        "version": version,
        "kind": kind,
        "enabled": bool(enabled),
        "note": note,
        "time": time,
    }
    try:
        return msgspec.convert(row | fields, Rule)
    except msgspec.ValidationError as error:
        # Such as an id that is no text, since SQLite accepts any type.
        raise BadRuleError(str(error)) from error


def _period(text: str) -> int:
    try:
        period = parse_duration(text)
    except DefinitionError as error:
        raise BadRuleError(f"period: {error}") from error
    if not 0 < period <= LONGEST:
        raise BadRuleError(f"a period of {text} is not between nothing and a day")
    return period


# -- checks of a transaction


class History(Protocol):
    """Earlier transactions of a card."""

    @property
    def most(self) -> int:
        """Number of known transactions, an upper bound of `count`."""

    def spent(self, currency: str, time: int) -> int:
        """Return the accepted sum in a currency on the day (UTC) of a time (ms)."""

    def count(self, after: int, until: int) -> int:
        """Return the number of transactions with after < time <= until (ms)."""


def concerns(rule: Rule, check: Check) -> bool:
    """Return whether a transaction matches all conditions of a rule."""
    return (
        check.card.startswith(rule.cards)
        and rule.merchant in ("", check.merchant)
        and rule.category in ("", check.category)
        and rule.country in ("", check.country)
        and rule.currency in ("", check.currency)
    )


def breaks(rule: Rule, check: Check, history: History) -> str | None:
    """Describe how a transaction that matches a rule breaks it; None if it doesn't."""
    return _BREAKS[rule.kind](rule, check, history)


def above(rule: Rule, check: Check, measure: int) -> str:
    """Describe that `measure`, which a rule limits, is above its limit."""
    if rule.kind == "velocity":
        period = format_duration(rule.period)
        return f"{measure} transactions within {period}, more than {rule.limit}"
    if rule.kind == "daily-sum":
        return f"the day's sum would be {measure} {check.currency}, above {rule.limit}"
    return f"the amount {measure} is above {rule.limit}"


def _amount(rule: Rule, check: Check, _: History) -> str | None:
    return above(rule, check, check.amount) if check.amount > rule.limit else None


def _blocked(rule: Rule, _: Check, __: History) -> str:
    scope = ", ".join(f"{name} {value}" for name in SCOPE if (value := getattr(rule, name)))
    return f"blocked: {scope}"


def _currency(rule: Rule, check: Check, _: History) -> str | None:
    if check.currency in rule.allowed:
        return None
    return f"the currency {check.currency} is none of {', '.join(rule.allowed)}"


def _country(rule: Rule, check: Check, _: History) -> str | None:
    if check.country in rule.allowed:
        return None
    return f"the country {check.country} is none of {', '.join(rule.allowed)}"


def _sum(rule: Rule, check: Check, history: History) -> str | None:
    summed = total(check, history)
    return above(rule, check, summed) if summed > rule.limit else None


def _velocity(rule: Rule, check: Check, history: History) -> str | None:
    number = count(rule, check, history)
    return above(rule, check, number) if number > rule.limit else None


def total(check: Check, history: History) -> int:
    """Return the card's accepted sum of the day and currency, with this transaction added."""
    return history.spent(check.currency, check.time) + check.amount


def count(rule: Rule, check: Check, history: History) -> int:
    """Return the number of the card's transactions within a rule's period, this one included."""
    return history.count(check.time - rule.period, check.time) + 1


_BREAKS: dict[str, Callable[[Rule, Check, History], str | None]] = {
    "max-amount": _amount,
    "block": _blocked,
    "currencies": _currency,
    "countries": _country,
    "daily-sum": _sum,
    "velocity": _velocity,
}
