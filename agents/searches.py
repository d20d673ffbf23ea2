"""searches, clicks -> searches-and-clicks -> searches (join) -> search-clicks, search-alone.

searches and the join -> search-outcomes (by query) -> click-through (windows) -> click-through.
"""

from app import app
from app.shop.searches import clicked, searched
from app.shop.topics import CLICK_THROUGH, CLICKS, SEARCH_OUTCOMES, SEARCHES, SEARCHES_AND_CLICKS
from tables.click_through import click_throughs
from tables.searches import searches

click_throughs.publish(CLICK_THROUGH)

searches_to_join = app.processor(
    SEARCHES,
    name="searches-to-join",
    outputs=[SEARCHES_AND_CLICKS, SEARCH_OUTCOMES],
    help="Searches, to where their user's clicks are, and to where their query is counted",
)(searched)
clicks_to_join = app.processor(
    CLICKS,
    name="clicks-to-join",
    outputs=[SEARCHES_AND_CLICKS],
    help="Clicks, to where their user's searches are",
)(clicked)
fold_searches_and_clicks = app.fold(searches)
fold_outcomes = app.fold(click_throughs)
