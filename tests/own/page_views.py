"""views -> page_views -> views-by-minute: how often each page is seen; on the library alone."""

from collections.abc import AsyncIterable

from msgspec import Struct

from eventfold.aggregates import Count
from eventfold.engine.batch import Batch
from eventfold.engine.window_table import WindowTable
from eventfold.topics import Topic
from eventfold.windows import WindowResult
from eventfold.worker.app import App

app = App("page-views")


class View(Struct):
    """Somebody saw a page at `time` (ms)."""

    page: str
    time: int


class Views(Struct):
    """Views of a page in a window that starts at `start` (ms)."""

    page: str
    start: int
    count: int
    revision: int


def views_of(window: WindowResult) -> Views:
    """Return the record of a window."""
    return Views(window.key, window.start, window.count, window.revision)


VIEWS = Topic("views", View, key="page", purpose="pages seen", external=True)
page_views = WindowTable(
    app,
    name="page_views",
    source=VIEWS,
    windows="1m",
    aggregate=Count(),
    record=views_of,
    grace="1m",
    retention="1d",
    help="Views of each page",
)
page_views.publish(
    Topic("views-by-minute", Views, key="page", purpose="views of each page and minute")
)


@app.agent(app.batches(VIEWS))
async def fold_views(batches: AsyncIterable[Batch]) -> None:
    """Fold views into their pages."""
    async for batch in batches:
        await page_views.fold(batch)
