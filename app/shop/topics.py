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

SEARCHES = Topic(
    "searches", Search, key="user", purpose="what visitors search", partitions=3, external=True
)
CLICKS = Topic(
    "clicks", Click, key="user", purpose="what visitors click on", partitions=3, external=True
)
SEARCHES_AND_CLICKS = Topic(
    "searches-and-clicks",
    Searched | Clicked,
    key="user",
    purpose="both in one order, by user",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
SEARCH_CLICKS = Topic(
    "search-clicks",
    SearchClick,
    key="user",
    purpose="searches with each of their clicks",
    partitions=3,
)
SEARCH_ALONE = Topic(
    "search-alone",
    SearchAlone,
    key="user",
    purpose="searches without a click, clicks without a search",
    partitions=3,
)
SEARCH_OUTCOMES = Topic(
    "search-outcomes",
    SearchOutcome,
    key="query",
    purpose="searches, and the first click on what each found, by query",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
CLICK_THROUGH = Topic(
    "click-through",
    ClickThrough,
    key="query",
    purpose="how many searches of a query lead to a click; the highest revision of a window holds",
    partitions=3,
    retention=8 * DAY,
    time="end",
)
PROFILES = Topic(
    "profiles",
    Profile,
    key="user",
    purpose="who visitors are",
    partitions=3,
    compacted=True,
    tombstone=ProfileDeleted,
    external=True,
)
CLICKS_AND_PROFILES = Topic(
    "clicks-and-profiles",
    Clicked | ProfileChanged | ProfileDeleted,
    key="user",
    purpose="both in one order, by user",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
CLICKS_ENRICHED = Topic(
    "clicks-enriched",
    EnrichedClick,
    key="user",
    purpose="clicks with the profile of their user",
    partitions=3,
)
