"""Latest transactions of each card, and the rules, which are broadcast state.

Written by `agents/transactions.py`; read by the web's `/api/rules` and `/api/cards`.
"""

from app import app
from app.transactions.records import Check, Rule, RuleChange
from app.transactions.settings import settings
from app.transactions.topics import (
    TRANSACTION_CHECKS,
    TRANSACTIONS_REJECTED,
    TRANSACTIONS_VALIDATED,
)
from app.transactions.verdicts import Card, Judge


def card_of(record: Check | RuleChange) -> str | None:
    """Return the card of a transaction; None for a change of the rules, which all cards share."""
    return record.card if isinstance(record, Check) else None


verdicts = app.processor(
    TRANSACTION_CHECKS,
    name="verdicts",
    state=Card,
    shared=Rule | int,
    key=card_of,
    outputs=[TRANSACTIONS_VALIDATED, TRANSACTIONS_REJECTED],
    retention=settings().transaction_memory,
    # A rule is valid from its arrival, for any event time of the transactions.
    reference_data=(RuleChange,),
    help="The latest transactions of each card, and the rules they are judged by",
    agent=False,
)(Judge(settings().transaction_memory, settings().transaction_most))
