"""Topics of transactions: transactions, rules -> transaction-checks -> validated, rejected."""

from app.transactions.records import (
    Check,
    Rejected,
    Rule,
    RuleChange,
    RuleDeleted,
    Transaction,
    Validated,
)
from eventfold.topics import DAY, Topic

TRANSACTIONS = Topic(
    "transactions",
    "card",
    Transaction,
    "payments by card, cancellations and corrections of them",
    partitions=3,
    external=True,
)
RULES = Topic(
    "rules",
    "id",
    Rule,
    "rules as the database has them, each change of them",
    partitions=1,
    compacted=True,
    tombstone=RuleDeleted,
)
TRANSACTION_CHECKS = Topic(
    "transaction-checks",
    "card",
    Check | RuleChange,
    "transactions by card, and each change of the rules in each partition",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
TRANSACTIONS_VALIDATED = Topic(
    "transactions-validated",
    "card",
    Validated,
    "transactions that break no rule",
    partitions=3,
)
TRANSACTIONS_REJECTED = Topic(
    "transactions-rejected",
    "card",
    Rejected,
    "transactions that do, and which",
    partitions=3,
)
