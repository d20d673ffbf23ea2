"""conn-events -> beacons (a state of each source and part of its destinations) -> beacons."""

from collections.abc import AsyncIterable

from app import app
from app.beaconing.topics import CONN_EVENTS
from eventfold.engine.batch import Batch
from tables.beacons import beacons


@app.agent(app.batches(CONN_EVENTS))
async def watch_connections(batches: AsyncIterable[Batch]) -> None:
    """Check the regularity of each host's contacts."""
    async for batch in batches:
        await beacons.fold(batch)
