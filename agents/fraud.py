"""payments -> fraud (a state of each card) -> alerts."""

from collections.abc import AsyncIterable

from app import app
from app.fraud.topics import PAYMENTS
from eventfold.engine.batch import Batch
from tables.fraud import fraud


@app.agent(app.batches(PAYMENTS))
async def judge_payments(batches: AsyncIterable[Batch]) -> None:
    """Compare payments with the earlier ones of their card."""
    async for batch in batches:
        await fraud.fold(batch)
