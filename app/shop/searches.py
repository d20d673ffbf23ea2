"""Searches and the clicks on what they found; how often there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from eventfold.operators.joins import Pair, Reason
    from eventfold.operators.processor import Sender
    from eventfold.windows import WindowResult


def searched(search: Search, sender: Sender) -> None:
    """Send a search to be joined, and to be counted for its query."""
    place = sender.partition, sender.offset
    sender.send(Searched(search.user, search.id, search.query, search.time, *place))
    sender.send(SearchOutcome(search.query, search.id, clicked=False, time=search.time))


def clicked(click: Click, sender: Sender) -> None:
    """Send a click to be joined."""
    place = sender.partition, sender.offset
    sender.send(Clicked(click.user, click.id, click.item, click.search, click.time, *place))


def belong(search: Searched, click: Clicked) -> bool:
    """Say whether a click may be on what a search found: where it names one, on that alone."""
    return click.search is None or click.search == search.id


def found(pair: Pair) -> tuple[SearchClick] | tuple[SearchClick, SearchOutcome]:
    """Make the records of a search and a click: the pair, and with the first that there is one."""
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
    """Make the record of a search without a click, or a click without a search."""
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
    """How many searches, and how many of them with a click."""

    searches: int = 0
    clicked: int = 0


class OutcomeCounts:
    """Counts searches, and those that led to a click."""

    state = Outcomes
    version = 1

    def zero(self) -> Outcomes:
        """Give the state of no searches."""
        return Outcomes()

    def add(self, state: Outcomes, record: SearchOutcome, time: int, offset: int) -> None:
        """Count a search, or the first click on what one found."""
        del time, offset
        if record.clicked:
            state.clicked += 1
        else:
            state.searches += 1

    def merge(self, left: Outcomes, right: Outcomes) -> Outcomes:
        """Give the counts of both."""
        return Outcomes(left.searches + right.searches, left.clicked + right.clicked)


def click_through(result: WindowResult) -> ClickThrough:
    """Make the record of a window of a query."""
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
