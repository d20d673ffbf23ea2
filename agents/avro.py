"""conn-events (JSON) -> conn-events-avro (Avro, with the id of its schema)."""

from collections.abc import AsyncIterable

from app import app
from app.beaconing.topics import CONN_EVENTS
from eventfold.engine.batch import Batch
from tables.avro import as_avro


@app.agent(app.batches(CONN_EVENTS))
async def write_avro(batches: AsyncIterable[Batch]) -> None:
    """Write each connection as Avro."""
    async for batch in batches:
        await as_avro.fold(batch)
