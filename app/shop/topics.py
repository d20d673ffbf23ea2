"""Topics of the shop.

searches, clicks -> searches-and-clicks -> search-clicks, search-alone
searches, searches-and-clicks -> search-outcomes -> click-through
clicks, profiles -> clicks-and-profiles -> clicks-enriched
"""

from app.shop.records import (
    Click,
    Clicked,
    ClickThrough,
    EnrichedClick,
    Profile,
    ProfileChanged,
    ProfileDeleted,
    Search,
    SearchAlone,
    SearchClick,
    Searched,
    SearchOutcome,
)
from eventfold.topics import DAY, Topic

SEARCHES = Topic("searches", "user", Search, "what visitors search", partitions=3, external=True)
CLICKS = Topic("clicks", "user", Click, "what visitors click on", partitions=3, external=True)
SEARCHES_AND_CLICKS = Topic(
    "searches-and-clicks",
    "user",
    Searched | Clicked,
    "both in one order, by user",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
SEARCH_CLICKS = Topic(
    "search-clicks",
    "user",
    SearchClick,
    "searches with each of their clicks",
    partitions=3,
)
SEARCH_ALONE = Topic(
    "search-alone",
    "user",
    SearchAlone,
    "searches without a click, clicks without a search",
    partitions=3,
)
SEARCH_OUTCOMES = Topic(
    "search-outcomes",
    "query",
    SearchOutcome,
    "searches, and the first click on what each found, by query",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
CLICK_THROUGH = Topic(
    "click-through",
    "query",
    ClickThrough,
    "how many searches of a query lead to a click; the highest revision of a window holds",
    partitions=3,
    retention=8 * DAY,
    time="end",
)
PROFILES = Topic(
    "profiles",
    "user",
    Profile,
    "who visitors are",
    partitions=3,
    compacted=True,
    tombstone=ProfileDeleted,
    external=True,
)
CLICKS_AND_PROFILES = Topic(
    "clicks-and-profiles",
    "user",
    Clicked | ProfileChanged | ProfileDeleted,
    "both in one order, by user",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
CLICKS_ENRICHED = Topic(
    "clicks-enriched",
    "user",
    EnrichedClick,
    "clicks with the profile of their user",
    partitions=3,
)
