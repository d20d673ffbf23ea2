"""Join of searches with the clicks on their results, and click-through counts per query."""

from msgspec import Struct

from app.shop.records import (
    Click,
    Clicked,
    ClickThrough,
    Search,
    SearchAlone,
    SearchClick,
    Searched,
    SearchOutcome,
)
from eventfold.operators.joins import Pair, Reason
from eventfold.operators.processor import Sender
from eventfold.windows import WindowResult


def searched(search: Search, sender: Sender) -> None:
    """Send a search to the join, and to the counts of its query."""
    place = sender.partition, sender.offset
    sender.send(Searched(search.user, search.id, search.query, search.time, *place))
    sender.send(SearchOutcome(search.query, search.id, clicked=False, time=search.time))


def clicked(click: Click, sender: Sender) -> None:
    """Send a click to the join."""
    place = sender.partition, sender.offset
    sender.send(Clicked(click.user, click.id, click.item, click.search, click.time, *place))


def belong(search: Searched, click: Clicked) -> bool:
    """Return whether a click may belong to a search: one that names a search, to that alone."""
    return click.search is None or click.search == search.id


def found(pair: Pair) -> tuple[SearchClick] | tuple[SearchClick, SearchOutcome]:
    """Return the records of a pair: the pair, and the search's outcome if it is the first click."""
    search, click = pair.left, pair.right
    made = SearchClick(
        user=search.user,
        query=search.query,
        search=search.id,
        click=click.id,
        item=click.item,
        delay=click.time - search.time,
        nth=pair.of_left,
        time=search.time,
        search_partition=search.partition,
        search_offset=search.offset,
        click_partition=click.partition,
        click_offset=click.offset,
    )
    if pair.of_left > 1:
        return (made,)
    return made, SearchOutcome(search.query, search.id, clicked=True, time=search.time)


def alone(record: Searched | Clicked, reason: Reason) -> tuple[SearchAlone]:
    """Return the record of a search without a click, or of a click without a search."""
    return (
        SearchAlone(
            user=record.user,
            kind="search" if isinstance(record, Searched) else "click",
            id=record.id,
            what=record.query if isinstance(record, Searched) else record.item,
            reason=reason,
            time=record.time,
            partition=record.partition,
            offset=record.offset,
        ),
    )


class Outcomes(Struct, array_like=True, gc=False):
    """Number of searches, and of those with a click."""

    searches: int = 0
    clicked: int = 0


class OutcomeCounts:
    """Aggregate that counts searches, and those that led to a click."""

    state = Outcomes
    version = 1

    def zero(self) -> Outcomes:
        """Return the state of no searches."""
        return Outcomes()

    def add(self, state: Outcomes, record: SearchOutcome, time: int, offset: int) -> None:
        """Count a search, or the first click on a result of one."""
        del time, offset
        if record.clicked:
            state.clicked += 1
        else:
            state.searches += 1

    def merge(self, left: Outcomes, right: Outcomes) -> Outcomes:
        """Return the sums of both."""
        return Outcomes(left.searches + right.searches, left.clicked + right.clicked)


def click_through(result: WindowResult) -> ClickThrough:
    """Return the record of a window of a query."""
    counts = result.state
    return ClickThrough(
        query=result.key,
        size=result.window.size,
        advance=result.window.advance,
        start=result.start,
        end=result.end,
        searches=counts.searches,
        clicked=counts.clicked,
        rate=counts.clicked / counts.searches if counts.searches else 0.0,
        revision=result.revision,
        final=result.final,
        partition=result.partition,
        first_offset=result.first_offset,
        last_offset=result.last_offset,
    )
