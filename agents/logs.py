"""logs -> logs-critical, logs-error, logs-warning, logs-info, by severity."""

from collections.abc import AsyncIterable

from app import app
from app.logs.topics import LOGS
from eventfold.engine.batch import Batch
from tables.logs import by_severity


@app.agent(app.batches(LOGS))
async def sort_logs(batches: AsyncIterable[Batch]) -> None:
    """Send each line to the topic of its severity."""
    async for batch in batches:
        await by_severity.fold(batch)
