"""guests, guest-events -> guest-log -> guests (a state of each guest) -> service-actions.

Profiles and events are merged into one order first; docs/decisions.md has the reason.
"""

from collections.abc import AsyncIterable

from app import app
from app.hotel.topics import GUEST_LOG
from eventfold.engine.batch import Batch
from tables.guests import guests


@app.agent(app.batches(GUEST_LOG))
async def follow_guests(batches: AsyncIterable[Batch]) -> None:
    """Follow guests, and publish who has waited too long."""
    async for batch in batches:
        await guests.fold(batch)
