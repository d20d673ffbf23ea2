"""Producers that partition differently: records of one key are joined, whoever wrote them."""

from collections.abc import AsyncIterable, Callable
from dataclasses import replace
from zlib import crc32

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sensors import NewSensors, Reading, total

from agents.clicks import clicks_to_profiles, profiles_to_clicks
from agents.searches import clicks_to_join, searches_to_join
from app import app
from app.hotel.records import Arrival, Guest
from app.hotel.topics import GUEST_EVENTS, GUEST_LOG, GUESTS
from app.shop.records import Click, Profile, Search
from app.shop.topics import (
    CLICKS,
    CLICKS_ENRICHED,
    PROFILES,
    SEARCH_CLICKS,
    SEARCHES,
    SEARCHES_AND_CLICKS,
)
from eventfold.aggregates import Sum
from eventfold.engine.batch import Batch
from eventfold.engine.window_table import WindowTable
from eventfold.testing import START, TopologyDriver
from tables.click_through import click_throughs
from tables.guests import events as guest_events
from tables.guests import guests
from tables.guests import profiles as guest_profiles
from tables.profiles import profiles
from tables.searches import searches

SECOND = 1_000
PARTITIONS = 3
USERS = [f"user-{number:02d}" for number in range(30)]

JOIN = [searches_to_join, clicks_to_join, searches, click_throughs]
ENRICH = [clicks_to_profiles, profiles_to_clicks, profiles]
HOTEL = [guest_profiles, guest_events, guests]

Partitioner = Callable[[str], int]


def java(key: str) -> int:
    """Return the partition that Kafka's default partitioner of Java has for a key."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS


def librdkafka(key: str) -> int:
    """Return the partition that librdkafka's default partitioner has for a key."""
    return crc32(key.encode()) % PARTITIONS


PARTITIONERS = [java, librdkafka]


@pytest.mark.parametrize("of_searches", PARTITIONERS)
@pytest.mark.parametrize("of_clicks", PARTITIONERS)
def test_clicks_are_joined_with_searches_under_any_partitioner(
    of_searches: Partitioner, of_clicks: Partitioner
) -> None:
    """30 users search and click once: 30 pairs, all records of a user in one partition."""
    with TopologyDriver(app, tables=JOIN) as driver:
        for user in USERS:
            search = Search(f"s-{user}", user, "tent", START)
            driver.pipe(SEARCHES, search, partition=of_searches(user))
        for user in USERS:
            click = Click(f"c-{user}", user, "item", START + SECOND)
            driver.pipe(CLICKS, click, partition=of_clicks(user))
        driver.settle()
        assert sorted(each.user for each in driver.topic(SEARCH_CLICKS)) == USERS
        places = {(each.key, each.partition) for each in driver.records(SEARCHES_AND_CLICKS)}
        assert places == {(user.encode(), java(user)) for user in USERS}


PLACES = st.lists(st.integers(0, PARTITIONS - 1), min_size=20, max_size=20)


@hypothesis_settings(max_examples=15)
@given(of_searches=PLACES, of_clicks=PLACES)
def test_clicks_are_joined_with_searches_in_any_mix_of_partitions(
    of_searches: list[int], of_clicks: list[int]
) -> None:
    """The records of one user may be spread over partitions, as by round-robin."""
    with TopologyDriver(app, tables=JOIN) as driver:
        for number, (place, other) in enumerate(zip(of_searches, of_clicks, strict=True)):
            user = USERS[number % 5]
            search = Search(f"s-{number}", user, "tent", START)
            click = Click(f"c-{number}", user, "item", START + SECOND, f"s-{number}")
            driver.pipe(SEARCHES, search, partition=place)
            driver.pipe(CLICKS, click, partition=other)
        driver.settle()
        found = {(each.search, each.click) for each in driver.topic(SEARCH_CLICKS)}
        assert found == {(f"s-{number}", f"c-{number}") for number in range(20)}


def test_clicks_are_enriched_with_profiles_under_any_partitioner() -> None:
    """Profiles are partitioned as by Java, clicks as by librdkafka."""
    with TopologyDriver(app, tables=ENRICH) as driver:
        for user in USERS:
            driver.pipe(PROFILES, Profile(user, "gold", "DE", START), partition=java(user))
        driver.settle()
        for user in USERS:
            click = Click(f"c-{user}", user, "item", START + SECOND)
            driver.pipe(CLICKS, click, partition=librdkafka(user))
        driver.settle()
        enriched = driver.topic(CLICKS_ENRICHED)
        assert sorted(each.user for each in enriched if each.profile) == USERS


def test_guest_events_are_joined_with_profiles_under_any_partitioner() -> None:
    """Profiles are partitioned as by librdkafka, events as by Java."""
    with TopologyDriver(app, tables=HOTEL) as driver:
        for user in USERS:
            guest, arrival = Guest(user, user, START), Arrival(user, "1", START + SECOND)
            driver.pipe(GUESTS, guest, partition=librdkafka(user))
            driver.pipe(GUEST_EVENTS, arrival, partition=java(user))
        driver.settle()
        states = [guests.state_of(user) for user in USERS]
        assert all(state is not None and state.profile and state.waiting for state in states)
        places = {(each.key, each.partition) for each in driver.records(GUEST_LOG)}
        assert places == {(user.encode(), java(user)) for user in USERS}


@pytest.mark.parametrize("sources", [1, 2])
def test_only_results_of_several_sources_are_partitioned_by_key(
    new_sensors: NewSensors, sources: int
) -> None:
    """`candles` are partitioned as `ticks`; results of several sources are placed by their key."""
    app, readings, totals, _, table = new_sensors()
    others = replace(readings, base_name="other-readings")
    if sources == 2:
        other = WindowTable(
            app,
            name="other-sums",
            source=others,
            windows="1m",
            aggregate=Sum("value"),
            record=total,
            grace="1m",
            retention="1d",
            help="sums",
        )
        other.publish(totals)

        @app.agent(app.batches(others))
        async def fold_others(batches: AsyncIterable[Batch]) -> None:
            async for batch in batches:
                await other.fold(batch)

    with TopologyDriver(app, partitions=PARTITIONS) as driver:
        for user in USERS:
            driver.pipe(readings, Reading(user, 1, START), partition=librdkafka(user))
            if sources == 2:
                driver.pipe(others, Reading(user, 1, START), partition=java(user))
        driver.settle()
        places = {(each.key, each.partition) for each in driver.records(totals)}
        count = totals.of(app.tasks.conf).partition_count()
        by_key = {(u.encode(), (murmur2(u.encode()) & 0x7FFFFFFF) % count) for u in USERS}
        as_source = {(user.encode(), librdkafka(user)) for user in USERS}
        assert places == (by_key if sources == 2 else as_source)
    del table
