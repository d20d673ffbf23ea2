"""readings -> machines (a state of each machine) -> maintenance."""

from collections.abc import AsyncIterable

from app import app
from app.maintenance.topics import READINGS
from eventfold.engine.batch import Batch
from tables.machines import machines


@app.agent(app.batches(READINGS))
async def watch_machines(batches: AsyncIterable[Batch]) -> None:
    """Compare readings with the earlier ones of their machine."""
    async for batch in batches:
        await machines.fold(batch)
