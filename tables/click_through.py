"""Click-through of each query's searches, by the event time of the search.

A click arrives up to TICKSTREAM_SEARCH_AFTER after its search, and may be late itself: the grace of
a window is the sum of both.

Written by `agents/searches.py`; read by the web's `/api/click-through`.
"""

from app import app
from app.market.settings import settings as market
from app.shop.searches import OutcomeCounts, click_through
from app.shop.settings import settings
from app.shop.topics import SEARCH_OUTCOMES

#: Windows served: five minutes for the present, an hour for comparisons.
WINDOWS = ("5m", "1h")

click_throughs = app.window_table(
    "click-through",
    SEARCH_OUTCOMES,
    WINDOWS,
    OutcomeCounts(),
    record=click_through,
    grace=settings().search_after + settings().search_grace,
    retention=market().retention,
    help="How many searches of each query lead to a click",
    agent=False,
)
