"""HTTP routes of the shop."""

from app.shop.records import ClickThrough, Visitor
from app.shop.routes import profiles, searches
from eventfold.web import parameters as p
from eventfold.web.routes import ASKING, Route

ROUTES = (
    Route(
        "/api/click-through",
        searches.click_through,
        "How many searches lead to a click, now: the newest window of each query, the most "
        "searched first",
        list[ClickThrough],
        parameters=(
            searches.WINDOW,
            p.limit("How many queries at most", default=100, most=1000),
        ),
        statuses=ASKING,
    ),
    Route(
        "/api/click-through/{query}",
        searches.query_click_through,
        "How many searches of a query lead to a click, window by window, newest last",
        list[ClickThrough],
        parameters=(
            p.path("query", "The query"),
            searches.WINDOW,
            p.FROM,
            p.TO,
            p.limit("Maximum number of windows, the newest of them", default=100, most=5000),
        ),
        statuses=ASKING,
    ),
    Route(
        "/api/profiles/{user}",
        profiles.profile,
        "The profile that a visitor's clicks are enriched with",
        Visitor,
        parameters=(p.path("user", "The visitor"),),
        statuses=ASKING,
    ),
)
