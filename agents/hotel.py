"""guests, guest-events -> guest-log -> guests (a state of each guest) -> service-actions.

Profiles and events are merged into one order first; docs/decisions.md has the reason.
"""

from collections.abc import AsyncIterable

from app import app
from app.hotel.topics import GUEST_EVENTS, GUEST_LOG, GUESTS
from eventfold.engine.batch import Batch
from tables.guests import events, guests, profiles


@app.agent(app.batches(GUESTS))
async def send_profiles(batches: AsyncIterable[Batch]) -> None:
    """Send profiles to the log of events."""
    async for batch in batches:
        await profiles.fold(batch)


@app.agent(app.batches(GUEST_EVENTS))
async def send_events(batches: AsyncIterable[Batch]) -> None:
    """Send events to the log with the profiles."""
    async for batch in batches:
        await events.fold(batch)


@app.agent(app.batches(GUEST_LOG))
async def follow_guests(batches: AsyncIterable[Batch]) -> None:
    """Follow guests, and publish who has waited too long."""
    async for batch in batches:
        await guests.fold(batch)
