"""Joins of searches, clicks and profiles, as a reader of the output topics sees them."""

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
    """Make a click of the same user."""
    return Click(name, "ann", "item", START + at, of)


def test_click_is_joined_with_every_search_it_may_follow() -> None:
    """A click that names its search joins that alone; either of the two may arrive first."""
    with TopologyDriver(app, tables=JOIN) as driver:
        driver.pipe(CLICKS, click("early", 5 * SECOND))
        driver.settle()
        driver.pipe(SEARCHES, search("s1", 0), search("s2", 3 * SECOND, "stove"))
        driver.settle()
        driver.pipe(CLICKS, click("named", 9 * SECOND, "s2"), click("late", 11 * MINUTE))
        driver.settle()
        found = [(each.search, each.click, each.nth) for each in driver.topic(SEARCH_CLICKS)]
        assert sorted(found) == [("s1", "early", 1), ("s2", "early", 1), ("s2", "named", 2)]


def test_search_without_a_click_is_published_when_its_join_window_ends() -> None:
    """That is ten minutes and the grace after it; the click rate counts it from the start."""
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
def test_click_waits_for_a_profile_through_a_crash(store_is_lost: bool) -> None:
    """It is sent with the profile, later clicks at once; without one, when its wait is over."""
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
        enriched = {
            each.id: (each.profile and each.profile.segment, each.reason, each.waited)
            for each in driver.topic(CLICKS_ENRICHED)
        }
        assert enriched == {
            "first": ("gold", None, 29 * SECOND),
            "second": ("gold", None, 0),
            "other": (None, "unknown", 30 * SECOND),
        }


def test_tombstone_deletes_a_profile() -> None:
    """Its row is deleted too."""
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
