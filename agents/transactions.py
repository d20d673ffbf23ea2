"""transactions -> transaction-checks -> verdicts -> transactions-validated, -rejected.

rules (from the database, by app/transactions/feed.py) -> each partition of transaction-checks.
"""

from collections.abc import AsyncIterable

from app import app
from app.transactions.feed import RulesFeed
from app.transactions.topics import RULES, TRANSACTION_CHECKS, TRANSACTIONS
from app.transactions.verdicts import to_all, to_check
from eventfold.engine.batch import Batch
from eventfold.engine.stateless import StatelessOperator
from tables.verdicts import verdicts

transactions_to_check = StatelessOperator(
    app,
    name="transactions-to-check",
    source=TRANSACTIONS,
    make=to_check,
    outputs=[TRANSACTION_CHECKS],
    help="Transactions, to where the rules are",
)
rules_to_all = StatelessOperator(
    app,
    name="rules-to-all",
    source=RULES,
    make=to_all(TRANSACTION_CHECKS.of(app.settings).partition_count()),
    outputs=[TRANSACTION_CHECKS],
    help="Changes of the rules, to all partitions of the transactions",
)
app.service(RulesFeed)
app.tasks.written_by_services.append(RULES.of(app.settings))


@app.agent(app.batches(TRANSACTIONS))
async def send_transactions(batches: AsyncIterable[Batch]) -> None:
    """Send transactions to the checks."""
    async for batch in batches:
        await transactions_to_check.fold(batch)


@app.agent(app.batches(RULES))
async def send_rules(batches: AsyncIterable[Batch]) -> None:
    """Broadcast changes of the rules to all partitions of the checks."""
    async for batch in batches:
        await rules_to_all.fold(batch)


@app.agent(app.batches(TRANSACTION_CHECKS))
async def judge_transactions(batches: AsyncIterable[Batch]) -> None:
    """Check transactions against the rules, and publish the verdicts."""
    async for batch in batches:
        await verdicts.fold(batch)
