"""clicks, profiles -> clicks-and-profiles -> profiles (join) -> clicks-enriched."""

from collections.abc import AsyncIterable

from app import app
from app.shop.profiles import profile_changed
from app.shop.searches import clicked
from app.shop.topics import CLICKS, CLICKS_AND_PROFILES, PROFILES
from eventfold.engine.batch import Batch
from eventfold.engine.stateless import StatelessOperator
from tables.profiles import profiles

clicks_to_profiles = StatelessOperator(
    app,
    name="clicks-to-profiles",
    source=CLICKS,
    make=clicked,
    outputs=[CLICKS_AND_PROFILES],
    help="Clicks, to where their user's profile is",
)
profiles_to_clicks = StatelessOperator(
    app,
    name="profiles-to-clicks",
    source=PROFILES,
    make=profile_changed,
    outputs=[CLICKS_AND_PROFILES],
    help="Profiles, to where their user's clicks are",
)


@app.agent(app.batches(CLICKS))
async def send_clicks_to_profiles(batches: AsyncIterable[Batch]) -> None:
    """Send clicks to the join with profiles."""
    async for batch in batches:
        await clicks_to_profiles.fold(batch)


@app.agent(app.batches(PROFILES))
async def send_profiles(batches: AsyncIterable[Batch]) -> None:
    """Send profiles to the join with clicks."""
    async for batch in batches:
        await profiles_to_clicks.fold(batch)


@app.agent(app.batches(CLICKS_AND_PROFILES))
async def enrich_clicks(batches: AsyncIterable[Batch]) -> None:
    """Enrich clicks with the profiles of their users."""
    async for batch in batches:
        await profiles.fold(batch)
