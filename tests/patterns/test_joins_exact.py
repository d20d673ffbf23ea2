"""transactions, searches, clicks: one run of all three with a kill in it, each against its truth.

They share a run because a broker and two starts of a worker take longer than the records do.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from typing import NamedTuple

import pytest
from changing_rules import NUMBER, Rules
from crash_run import RECORDS, CrashRun, crash_run
from joined_inputs import completion_check, read_all
from shop_check import PROFILE_GRACE, check_enriched, check_pairs, check_rates
from verdict_truth import Truth
from workers import Market

from app.shop.records import Click, Profile, Search
from app.shop.topics import (
    CLICKS,
    CLICKS_AND_PROFILES,
    PROFILES,
    SEARCH_OUTCOMES,
    SEARCHES,
    SEARCHES_AND_CLICKS,
)
from app.simulations import simulation
from eventfold.connectors.simulations import Sent

HOUR = 3_600_000

#: Topics that the records which end a run go through.
SOURCES = [
    *(SEARCHES, CLICKS, SEARCHES_AND_CLICKS, SEARCH_OUTCOMES),
    *(PROFILES, CLICKS_AND_PROFILES),
]
OUTPUTS = [
    *("search-clicks", "search-alone", "click-through", "clicks-enriched"),
    *("transactions-validated", "transactions-rejected", "dead-letters"),
]

#: How many transactions of a card are kept.
MOST = 150


class Joined(NamedTuple):
    """A run of joins and its output."""

    market: Market
    run: CrashRun
    rules: Rules
    sent: list[Sent]


@pytest.fixture(scope="module")
def joined(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Joined:
    """Run the three pipelines over RECORDS of visitors and as many transactions."""
    start = int(time.time() * 1000) - 80 * HOUR
    rules = Rules(tmp_path_factory.mktemp("rules") / "rules.db")
    asyncio.run(rules.fill())
    sent = list(merge(visitors(start), transactions(start), key=lambda each: each[1][2]))
    marks = [
        *(Search(f"m{n}", f"mark-{n}", f"mark {n}", start + 79 * HOUR) for n in range(24)),
        *(Click(f"m{n}", f"end-{n}", "mark", start + 79 * HOUR) for n in range(24)),
    ]
    # Half of the waiting clicks get a profile.
    known = [Profile(f"end-{n}", "gold", "DE", start + 79 * HOUR) for n in range(12)]
    sources = [market.name_of(topic) for topic in SOURCES]
    with ExitStack() as ending:
        ending.enter_context(rules.changing(market.bootstrap))
        run = crash_run(
            market,
            "transactions,searches,clicks",
            sent,
            outputs=OUTPUTS,
            settled=completion_check(market, marks, known, sources=sources),
            TICKSTREAM_RULES_URL=rules.url,
            TICKSTREAM_TRANSACTION_MOST=MOST,
            TICKSTREAM_PROFILE_GRACE=f"{PROFILE_GRACE}ms",
            TICKSTREAM_SEARCH_JOIN="outer",
            TICKSTREAM_SEARCH_AFTER="2m",
            TICKSTREAM_SEARCH_BEFORE="5s",
            # In whatever order both inputs are read, no record is late.
            TICKSTREAM_SEARCH_GRACE="72h",
            # Until then all of them wait.
            TICKSTREAM_SEARCH_MOST=100_000,
        )
    print(  # noqa: T201  # figures of the run, shown by `pytest -s`
        f"{len(sent)} records, {run.in_flight} in flight at the kill, {run.seconds:.1f} s"
    )
    return Joined(market, run, rules, sent)


def visitors(start: int) -> Iterator[Sent]:
    """Yield searches, clicks and profiles, some of which are deleted."""
    draw = random.Random(6)
    for topic, record in islice(simulation("shop").make(5, 10, start), RECORDS):
        yield topic, record
        if topic is PROFILES and draw.random() < 0.05:
            # A tombstone.
            yield PROFILES, (record[0], None, record[2])


def transactions(start: int) -> Iterator[Sent]:
    """Yield transactions, as densely as visitors come."""
    yield from islice(simulation("transactions").make(9, 20, start), RECORDS)


def test_searches_are_joined_with_their_clicks(joined: Joined) -> None:
    """Each pair and each unmatched record is there once, as found by comparing all of a user."""
    check_pairs(joined.market, joined.run)


def test_click_rate_counts_the_searches_of_its_window(joined: Joined) -> None:
    """The window is that of the search; the last result of each window is final."""
    check_rates(joined.market, joined.run)


def test_clicks_are_enriched_with_profiles_that_arrived_in_time(joined: Joined) -> None:
    """Each click is there once, with the profile that the order of the log joins it with."""
    check_enriched(joined.market, joined.run)
    found = {each["id"]: each for each in joined.run.values("clicks-enriched")}
    # Some clicks waited for a profile, some in vain.
    assert any(each["waited"] and each["profile"] for each in found.values())
    assert any(each["profile"] is None for each in found.values())


def test_each_verdict_follows_from_the_rules_version_it_names(joined: Joined) -> None:
    """Rules are added, changed and deleted meanwhile, and their worker is killed."""
    market, run, rules = joined.market, joined.run, joined.rules
    verdicts = {
        (each.value["partition"], each.value["offset"]): each.value
        for topic in ("transactions-validated", "transactions-rejected")
        for each in run.outputs[topic]
    }
    inputs = list(read_all(market, "transactions"))
    assert Counter((p, o) for p, o, *_ in inputs) == Counter(verdicts.keys())
    assert all(each["accepted"] for each in run.values("transactions-validated"))
    assert not any(each["accepted"] for each in run.values("transactions-rejected"))

    truth, kinds = Truth(rules.rows, MOST), Counter()
    for partition, offset, _, transaction in sorted(inputs, key=lambda each: each[:2]):
        verdict = verdicts[partition, offset]
        found = truth.judge(transaction, verdict["rules_version"])
        assert verdict["accepted"] == found.accepted, (verdict, found)
        reasons = [(each["rule"], each["version"]) for each in verdict["reasons"]]
        assert reasons == found.reasons, verdict
        first = verdict["first"]
        assert (first and (first["id"], first["accepted"], first["rules_version"])) == found.first
        names = {row.id: row for row in truth.in_force(verdict["rules_version"])}
        kinds.update(names[rule].kind if rule else "at odds" for rule, _ in reasons)
        kinds.update([verdict["kind"]])
    assert len(kinds) == 10, kinds
    versions = Counter(each["rules_version"] for each in verdicts.values())
    assert len(versions) > 1
    print(  # noqa: T201  # shown by `pytest -s`
        f"{len(verdicts)} verdicts by {len(versions)} of {max(versions)} versions of {NUMBER} "
        f"rules: {dict(kinds)}"
    )


def test_unreadable_record_is_a_dead_letter_once(joined: Joined) -> None:
    """Also if two pipelines read it."""
    letters = Counter(each.value["topic"] for each in joined.run.outputs["dead-letters"])
    sent = Counter(topic.base_name for topic, _ in joined.sent)
    for name in "searches", "clicks", "profiles", "transactions":
        read = sum(1 for *_, v in read_all(joined.market, name) if not v or _is_no_mark(v))
        assert letters[name] == sent[name] - read
    assert letters.keys() <= {"searches", "clicks", "profiles", "transactions"}
    assert letters["clicks"]
    assert letters["transactions"]


def _is_no_mark(value: dict) -> bool:
    return not value.get("user", "").startswith(("mark-", "end-"))
