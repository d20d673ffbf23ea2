"""Records of a shop's visitors: searches, clicks, profiles, and the results of their joins."""

from typing import Literal

from msgspec import Struct

from eventfold.records.fields import EventTime, Integer, Name, Natural, Text


class Search(Struct, frozen=True, gc=False):
    """Search of a visitor."""

    id: Name
    user: Name
    query: Name
    time: EventTime
    results: Natural = 0


class Click(Struct, frozen=True, gc=False):
    """Click of a visitor on an item; `search` is the id of the search that found it, if known."""

    id: Name
    user: Name
    item: Name
    time: EventTime
    search: Name | None = None


class Profile(Struct, frozen=True, gc=False):
    """Profile of a visitor as of `time`; a newer record replaces it, a tombstone deletes it."""

    user: Name
    segment: Text
    country: Text
    time: EventTime


class ProfileDeleted(Struct, frozen=True, gc=False, tag="no-profile"):
    """Deletion of a profile (a tombstone in `profiles`); `time` is Kafka's timestamp."""

    user: str
    time: Integer


# -- inputs of the joins, with their coordinates in their own topics


class Searched(Struct, frozen=True, gc=False, tag="search"):
    """A search, by user."""

    user: str
    id: str
    query: str
    time: Integer
    partition: Integer
    offset: Integer


class Clicked(Struct, frozen=True, gc=False, tag="click"):
    """A click, by user."""

    user: str
    id: str
    item: str
    search: str | None
    time: Integer
    partition: Integer
    offset: Integer


class ProfileChanged(Struct, frozen=True, gc=False, tag="profile"):
    """A profile that is valid from this record on."""

    user: str
    segment: str
    country: str
    time: Integer
    partition: Integer
    offset: Integer


# -- results of the joins


class SearchClick(Struct, frozen=True, gc=False):
    """A search and a click of its user within the window; `delay` (ms) is between them.

    `nth` numbers the clicks of the search from 1, in order of arrival.
    """

    user: str
    query: str
    search: str
    click: str
    item: str
    delay: Integer
    nth: Integer
    #: Event time of the search (ms).
    time: Integer
    search_partition: Integer
    search_offset: Integer
    click_partition: Integer
    click_offset: Integer


class SearchAlone(Struct, frozen=True, gc=False):
    """A search without a click, or a click without a search; `reason` states why."""

    user: str
    kind: Literal["search", "click"]
    id: str
    #: The query, or the item.
    what: str
    reason: Literal["unmatched", "late"]
    time: Integer
    partition: Integer
    offset: Integer


class SearchOutcome(Struct, frozen=True, gc=False):
    """A search, or the first click on a result of it; `time` is the search's."""

    query: Name
    search: str
    clicked: bool
    time: EventTime


class ClickThrough(Struct, frozen=True, gc=False):
    """Click-through rate of a query's searches in a window; the highest revision is valid.

    `rate` (fraction) = clicked / searches. It may grow until the window is final, since clicks
    follow their searches.
    """

    query: str
    size: Integer
    advance: Integer
    start: Integer
    end: Integer
    searches: Integer
    clicked: Integer
    rate: float
    revision: Integer
    final: bool
    partition: Integer
    first_offset: Integer
    last_offset: Integer


class Visitor(Struct, frozen=True, gc=False):
    """Profile that a click is enriched with, and its coordinates in `profiles`."""

    segment: str
    country: str
    #: Event time of the profile (ms).
    time: Integer
    partition: Integer
    offset: Integer


class EnrichedClick(Struct, frozen=True, gc=False):
    """A click and the profile of its user; null if there was none in time.

    `reason` is then `unknown` (none arrived within the grace) or `crowded` (too many clicks were
    waiting). `waited` (ms of event time) is the duration of the wait.
    """

    id: str
    user: str
    item: str
    search: str | None
    time: Integer
    profile: Visitor | None
    reason: Literal["unknown", "crowded"] | None
    waited: Integer
    partition: Integer
    offset: Integer
