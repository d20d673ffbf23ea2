"""visits -> pages -> page-times: how long people stay on each page of a site, in the last 5 min."""

from collections.abc import AsyncIterable

from msgspec import Struct

from app import app
from eventfold.engine.batch import Batch
from eventfold.engine.window_table import WindowTable
from eventfold.topics import Topic
from eventfold.windows import WindowResult


class Visit(Struct):
    """Somebody saw a page, for so many seconds."""

    page: str
    seconds: int
    time: int


class Stays(Struct):
    """State of some visits."""

    longest: int = 0
    total: int = 0


class LongestAndTotal:
    """The longest stay and the sum of all: an aggregate is a zero, an add and a merge."""

    state, version = Stays, 1

    def zero(self) -> Stays:
        """Return the state of no visit."""
        return Stays()

    def add(self, state: Stays, visit: Visit, _time: int, _offset: int) -> None:
        """Fold one visit in."""
        state.longest = max(state.longest, visit.seconds)
        state.total += visit.seconds

    def merge(self, left: Stays, right: Stays) -> Stays:
        """Return the state of the visits of both."""
        return Stays(max(left.longest, right.longest), left.total + right.total)


class PageTime(Struct):
    """A page in a window; of two for the same window the higher revision holds."""

    page: str
    start: int
    visits: int
    longest: int
    mean: float
    revision: int
    final: bool


def page_time(window: WindowResult) -> PageTime:
    """Make the record of a window."""
    stays, count = window.state, window.count
    return PageTime(
        page=window.key,
        start=window.start,
        visits=count,
        longest=stays.longest,
        mean=stays.total / count,
        revision=window.revision,
        final=window.final,
    )


VISITS = Topic("visits", Visit, key="page", purpose="who saw what", external=True)
PAGE_TIMES = Topic("page-times", PageTime, key="page", purpose="how long people stay on each page")

pages = WindowTable(
    app,
    name="pages",
    source=VISITS,
    windows="5m/1m",
    aggregate=LongestAndTotal(),
    record=page_time,
    grace="1m",
    retention="1d",
    help="How long people stay on each page",
)
pages.publish(PAGE_TIMES)


@app.agent(app.batches(VISITS))
async def fold_visits(batches: AsyncIterable[Batch]) -> None:
    """Fold visits into their pages."""
    async for batch in batches:
        await pages.fold(batch)
