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
    Transaction,
    key="card",
    purpose="payments by card, cancellations and corrections of them",
    partitions=3,
    external=True,
)
RULES = Topic(
    "rules",
    Rule,
    key="id",
    purpose="rules as the database has them, each change of them",
    partitions=1,
    compacted=True,
    tombstone=RuleDeleted,
)
TRANSACTION_CHECKS = Topic(
    "transaction-checks",
    Check | RuleChange,
    key="card",
    purpose="transactions by card, and each change of the rules in each partition",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
TRANSACTIONS_VALIDATED = Topic(
    "transactions-validated",
    Validated,
    key="card",
    purpose="transactions that break no rule",
    partitions=3,
)
TRANSACTIONS_REJECTED = Topic(
    "transactions-rejected",
    Rejected,
    key="card",
    purpose="transactions that do, and which",
    partitions=3,
)
