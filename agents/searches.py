"""searches, clicks -> searches-and-clicks -> searches (join) -> search-clicks, search-alone.

searches and the join -> search-outcomes (by query) -> click-through (windows) -> click-through.
"""

from collections.abc import AsyncIterable

from app import app
from app.shop.searches import clicked, searched
from app.shop.topics import CLICK_THROUGH, CLICKS, SEARCH_OUTCOMES, SEARCHES, SEARCHES_AND_CLICKS
from eventfold.engine.batch import Batch
from eventfold.engine.stateless import StatelessOperator
from tables.click_through import click_throughs
from tables.searches import searches

click_throughs.publish(CLICK_THROUGH)

searches_to_join = StatelessOperator(
    app,
    name="searches-to-join",
    source=SEARCHES,
    make=searched,
    outputs=[SEARCHES_AND_CLICKS, SEARCH_OUTCOMES],
    help="Searches, to where their user's clicks are, and to where their query is counted",
)
clicks_to_join = StatelessOperator(
    app,
    name="clicks-to-join",
    source=CLICKS,
    make=clicked,
    outputs=[SEARCHES_AND_CLICKS],
    help="Clicks, to where their user's searches are",
)


@app.agent(app.batches(SEARCHES))
async def send_searches(batches: AsyncIterable[Batch]) -> None:
    """Send searches to the join with clicks, and to the counts."""
    async for batch in batches:
        await searches_to_join.fold(batch)


@app.agent(app.batches(CLICKS))
async def send_clicks(batches: AsyncIterable[Batch]) -> None:
    """Send clicks to the join with searches."""
    async for batch in batches:
        await clicks_to_join.fold(batch)


@app.agent(app.batches(SEARCHES_AND_CLICKS))
async def join_searches(batches: AsyncIterable[Batch]) -> None:
    """Join searches with the clicks of their users."""
    async for batch in batches:
        await searches.fold(batch)


@app.agent(app.batches(SEARCH_OUTCOMES))
async def count_clicks(batches: AsyncIterable[Batch]) -> None:
    """Count each query's searches, and those with a click."""
    async for batch in batches:
        await click_throughs.fold(batch)
