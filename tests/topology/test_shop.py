"""searches, clicks, profiles: what finds what, as a reader of the outputs sees it."""

import pytest

from agents.clicks import clicks_to_profiles, profiles_to_clicks
from agents.searches import clicks_to_join, searches_to_join
from app import app
from app.shop.records import Click, Profile, Search
from app.shop.topics import (
    CLICK_THROUGH,
    CLICKS,
    CLICKS_ENRICHED,
    PROFILES,
    SEARCH_ALONE,
    SEARCH_CLICKS,
    SEARCHES,
)
from eventfold.testing import START, TopologyDriver
from tables.click_through import click_throughs
from tables.profiles import profiles
from tables.searches import searches

SECOND, MINUTE = 1_000, 60_000

JOIN = [searches_to_join, clicks_to_join, searches, click_throughs]
ENRICH = [clicks_to_profiles, profiles_to_clicks, profiles]


def search(name: str, at: int, query: str = "tent") -> Search:
    """Make a search of one user."""
    return Search(name, "ann", query, START + at)


def click(name: str, at: int, of: str | None = None) -> Click:
    """Make a click of the same."""
    return Click(name, "ann", "item", START + at, of)


def test_a_click_finds_the_searches_it_may_have_come_from() -> None:
    """One that names its search that alone; whichever of the two came first."""
    with TopologyDriver(app, tables=JOIN) as driver:
        driver.pipe(CLICKS, click("early", 5 * SECOND))
        driver.settle()
        driver.pipe(SEARCHES, search("s1", 0), search("s2", 3 * SECOND, "stove"))
        driver.settle()
        driver.pipe(CLICKS, click("named", 9 * SECOND, "s2"), click("late", 11 * MINUTE))
        driver.settle()
        found = [(each.search, each.click, each.nth) for each in driver.topic(SEARCH_CLICKS)]
        assert sorted(found) == [("s1", "early", 1), ("s2", "early", 1), ("s2", "named", 2)]


def test_a_search_without_a_click_is_said_once_none_can_come() -> None:
    """Ten minutes and the grace after it; its query's rate knows of it from the start."""
    with TopologyDriver(app, tables=JOIN) as driver:
        driver.pipe(SEARCHES, search("s1", 0), search("s2", SECOND))
        driver.pipe(CLICKS, click("c", 2 * SECOND, "s2"))
        driver.settle()
        driver.advance("2s")
        rates = {(e.query, e.size): (e.searches, e.clicked) for e in driver.topic(CLICK_THROUGH)}
        assert rates["tent", 5 * MINUTE] == (2, 1)
        assert driver.topic(SEARCH_ALONE) == []
        driver.advance("20m")
        driver.pipe(SEARCHES, search("s3", 11 * MINUTE))
        driver.settle()
        assert driver.topic(SEARCH_ALONE) == []
        driver.pipe(SEARCHES, search("s4", 11 * MINUTE + 1))
        driver.settle()
        (alone,) = driver.topic(SEARCH_ALONE)
        assert (alone.kind, alone.id, alone.what, alone.reason) == (
            *("search", "s1"),
            *("tent", "unmatched"),
        )


@pytest.mark.parametrize("store_is_lost", [False, True])
def test_a_click_waits_for_a_profile_over_a_crash(store_is_lost: bool) -> None:
    """It goes out with it, and those after it at once; without, when its time is over."""
    with TopologyDriver(app, tables=ENRICH) as driver:
        driver.pipe(CLICKS, click("first", 0), partition=0)
        driver.settle()
        assert driver.topic(CLICKS_ENRICHED) == []
        driver.crash(lose_store=store_is_lost)
        driver.advance("1m")
        driver.pipe(CLICKS, Click("other", "zoe", "item", START + 29 * SECOND), partition=0)
        driver.settle()
        driver.pipe(PROFILES, Profile("ann", "gold", "DE", START + 50 * SECOND), partition=0)
        driver.settle()
        driver.pipe(CLICKS, click("second", 40 * SECOND), partition=0)
        driver.pipe(CLICKS, Click("last", "eve", "item", START + 59 * SECOND), partition=0)
        driver.settle()
        told = {
            each.id: (each.profile and each.profile.segment, each.reason, each.waited)
            for each in driver.topic(CLICKS_ENRICHED)
        }
        assert told == {
            "first": ("gold", None, 29 * SECOND),
            "second": ("gold", None, 0),
            "other": (None, "unknown", 30 * SECOND),
        }


def test_a_deleted_profile_is_not_known_any_more() -> None:
    """A tombstone takes it away, and its row with it."""
    with TopologyDriver(app, tables=ENRICH) as driver:
        driver.pipe(PROFILES, Profile("ann", "gold", "DE", START))
        driver.settle()
        assert profiles.state_of("ann").profile.segment == "gold"
        driver.pipe_raw(PROFILES, b"ann", None)
        driver.settle()
        driver.crash(lose_store=True)
        driver.settle()
        assert profiles.state_of("ann") is None
        assert profiles.keys() == []
