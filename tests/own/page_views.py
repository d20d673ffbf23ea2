"""views -> page_views -> views-by-minute: how often each page is seen; on the library alone."""

import eventfold as ef

app = ef.App("page-views")


class View(ef.Record):
    """Somebody saw a page at `time` (ms)."""

    page: str
    time: int


views = ef.Topic("views", View, key="page", external=True)
page_views = app.window_table("page_views", views, "1m", grace="1m", views=ef.count())
page_views.publish("views-by-minute")
