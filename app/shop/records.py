"""Of a shop's visitors: what they search and click, and who they are."""

from typing import Literal

from msgspec import Struct

from eventfold.records.fields import EventTime, Integer, Name, Natural, Text


class Search(Struct, frozen=True, gc=False):
    """Somebody searches."""

    id: Name
    user: Name
    query: Name
    time: EventTime
    results: Natural = 0


class Click(Struct, frozen=True, gc=False):
    """Somebody clicks on an item; `search` is the search it was found by, where that is known."""

    id: Name
    user: Name
    item: Name
    time: EventTime
    search: Name | None = None


class Profile(Struct, frozen=True, gc=False):
    """Who somebody is, as of `time`; the newest record of a user holds, a tombstone deletes it."""

    user: Name
    segment: Text
    country: Text
    time: EventTime


class ProfileDeleted(Struct, frozen=True, gc=False, tag="no-profile"):
    """What a tombstone in `profiles` says; `time` is Kafka's."""

    user: str
    time: Integer


# -- what is joined: each with its place in its own topic


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
    """A profile, as it holds from here on."""

    user: str
    segment: str
    country: str
    time: Integer
    partition: Integer
    offset: Integer


# -- what comes of it


class SearchClick(Struct, frozen=True, gc=False):
    """A search and a click of its user within the window; `delay` (ms) is between them.

    `nth` counts the clicks of the search from 1, in the order in which they came.
    """

    user: str
    query: str
    search: str
    click: str
    item: str
    delay: Integer
    nth: Integer
    #: Of the search.
    time: Integer
    search_partition: Integer
    search_offset: Integer
    click_partition: Integer
    click_offset: Integer


class SearchAlone(Struct, frozen=True, gc=False):
    """A search without a click, or a click without a search, and why: `unmatched` or `late`."""

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
    """A search, or the first click on what it found; `time` is the search's."""

    query: Name
    search: str
    clicked: bool
    time: EventTime


class ClickThrough(Struct, frozen=True, gc=False):
    """How many of a query's searches in a window led to a click; the highest revision holds.

    `rate` (fraction) = clicked / searches. It grows until the window is final, since clicks come
    after their searches.
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
    """What a click is enriched with, and where it stands in `profiles`."""

    segment: str
    country: str
    #: When the profile was written (ms).
    time: Integer
    partition: Integer
    offset: Integer


class EnrichedClick(Struct, frozen=True, gc=False):
    """A click and the profile of its user; null where there was none in time.

    `reason` is then `unknown` (none came within the grace) or `crowded` (too many were waiting).
    `waited` (ms of event time) says for how long it was waited for.
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
