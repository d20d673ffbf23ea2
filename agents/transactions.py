"""transactions -> transaction-checks -> verdicts -> transactions-validated, -rejected.

rules (from the database, by app/transactions/feed.py) -> each partition of transaction-checks.
"""

from app import app
from app.transactions.feed import RulesFeed
from app.transactions.topics import RULES, TRANSACTION_CHECKS, TRANSACTIONS
from app.transactions.verdicts import to_all, to_check
from tables.verdicts import verdicts

transactions_to_check = app.processor(
    TRANSACTIONS,
    name="transactions-to-check",
    outputs=[TRANSACTION_CHECKS],
    help="Transactions, to where the rules are",
)(to_check)
rules_to_all = app.processor(
    RULES,
    name="rules-to-all",
    outputs=[TRANSACTION_CHECKS],
    help="Changes of the rules, to all partitions of the transactions",
)(to_all(TRANSACTION_CHECKS.of(app.settings).partition_count()))
fold_checks = app.fold(verdicts)

app.service(RulesFeed(app.tasks))  # type: ignore[arg-type]  # Faust takes instances too
app.tasks.written_by_services.append(RULES.of(app.settings))
