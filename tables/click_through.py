"""How many searches of each query lead to a click, by the time of the search.

A click comes up to TICKSTREAM_SEARCH_AFTER behind its search, and may be late itself; so long a
window is open for corrections.

Written by `agents/searches.py`; read by the web's `/api/click-through`.
"""

from app import app
from app.settings import settings
from app.shop.searches import OutcomeCounts, click_through
from app.shop.topics import SEARCH_OUTCOMES
from eventfold.engine.window_table import WindowTable

#: What is served: five minutes to see it move, an hour to compare.
WINDOWS = ("5m", "1h")

click_throughs = WindowTable(
    app,
    name="click-through",
    source=SEARCH_OUTCOMES,
    windows=WINDOWS,
    aggregate=OutcomeCounts(),
    record=click_through,
    grace=settings().search_after + settings().search_grace,
    retention=settings().retention,
    help="How many searches of each query lead to a click",
)
