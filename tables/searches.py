"""A user's searches and clicks not joined yet: `agents/searches.py` -> `/api/tables`."""

from app import app
from app.shop.records import Clicked, Searched
from app.shop.searches import alone, belong, found
from app.shop.settings import settings
from app.shop.topics import SEARCH_ALONE, SEARCH_CLICKS, SEARCH_OUTCOMES, SEARCHES_AND_CLICKS
from eventfold.operators.joins import Join, Waiting

searches = app.processor(
    SEARCHES_AND_CLICKS,
    name="searches",
    state=Waiting[Searched, Clicked],
    outputs=[SEARCH_CLICKS, SEARCH_ALONE, SEARCH_OUTCOMES],
    grace=settings().search_grace,
    # A waiting record is removed by its own timer, before the retention.
    retention=settings().search_before + settings().search_after,
    help="Searches and clicks of each user that may still find each other",
    agent=False,
)(
    Join(
        Searched,
        Clicked,
        kind=settings().search_join,
        before=settings().search_before,
        after=settings().search_after,
        pair=found,
        alone=alone,
        matches=belong,
        most=settings().search_most,
    )
)
