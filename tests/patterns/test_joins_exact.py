"""transactions, searches, clicks: one run of all three with a kill in it, each against its truth.

They share a run because a broker and two lives of a worker take longer than the records do.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge
from itertools import accumulate, islice
from typing import NamedTuple

import pytest
from changing_rules import NUMBER, Rules
from crash_run import RECORDS, CrashRun, crash_run
from joined_inputs import ended_by, read_all
from verdict_truth import Truth
from workers import Market

from app.records import Click, Profile, Search
from app.sources.registry import SIMULATIONS, Sent
from app.topics import PROFILES

HOUR, MINUTE = 3_600_000, 60_000

#: Stages that the records which end it go through.
SOURCES = [
    *("searches", "clicks", "searches-and-clicks", "search-outcomes"),
    *("profiles", "clicks-and-profiles"),
]
OUTPUTS = [
    *("search-clicks", "search-alone", "click-through", "clicks-enriched"),
    *("transactions-validated", "transactions-rejected", "dead-letters"),
]

#: How long a click waits for a profile (ms); how many transactions of a card are remembered.
PROFILE_GRACE, MOST = 30_000, 150


class Joined(NamedTuple):
    """What was run, and what came of it."""

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
    # Of the clicks that wait, half get theirs.
    known = [Profile(f"end-{n}", "gold", "DE", start + 79 * HOUR) for n in range(12)]
    with ExitStack() as ending:
        ending.enter_context(rules.changing())
        run = crash_run(
            market,
            "transactions,searches,clicks",
            sent,
            outputs=OUTPUTS,
            settled=ended_by(market, marks, known, sources=SOURCES),
            TICKSTREAM_RULES_URL=rules.url,
            TICKSTREAM_TRANSACTION_MOST=MOST,
            TICKSTREAM_PROFILE_GRACE=f"{PROFILE_GRACE}ms",
            TICKSTREAM_SEARCH_JOIN="outer",
            TICKSTREAM_SEARCH_AFTER="2m",
            TICKSTREAM_SEARCH_BEFORE="5s",
            # Whatever the order in which both inputs are read, nothing is late.
            TICKSTREAM_SEARCH_GRACE="72h",
            # So long all of them wait.
            TICKSTREAM_SEARCH_MOST=100_000,
        )
    print(  # noqa: T201  # figures of the run, shown by `pytest -s`
        f"{len(sent)} records, {run.in_flight} in flight at the kill, {run.seconds:.1f} s"
    )
    return Joined(market, run, rules, sent)


def visitors(start: int) -> Iterator[Sent]:
    """Give searches, clicks and profiles, some of which are deleted."""
    draw = random.Random(6)
    for topic, record in islice(SIMULATIONS["shop"].make(5, 10, start), RECORDS):
        yield topic, record
        if topic is PROFILES and draw.random() < 0.05:
            # A tombstone.
            yield PROFILES, (record[0], None, record[2])


def transactions(start: int) -> Iterator[Sent]:
    """Give transactions, as densely as visitors come."""
    yield from islice(SIMULATIONS["transactions"].make(9, 20, start), RECORDS)


def test_searches_are_joined_with_their_clicks(joined: Joined) -> None:
    """Each pair once, each loner once: as looking at every search and click of a user gives."""
    market, run = joined.market, joined.run
    searches = {v["id"]: (v, p, o) for p, o, _, v in read_all(market, "searches")}
    clicks = {v["id"]: (v, p, o) for p, o, _, v in read_all(market, "clicks")}
    by_user = defaultdict(list)
    for click, *_ in clicks.values():
        by_user[click["user"]].append(click)
    pairs = {
        (search["id"], click["id"])
        for search, *_ in searches.values()
        for click in by_user[search["user"]]
        if -5_000 <= click["time"] - search["time"] <= 2 * MINUTE
        and click["search"] in (None, search["id"])
    }

    found = run.values("search-clicks")
    assert Counter((each["search"], each["click"]) for each in found) == Counter(pairs)
    for each in found:
        search, *its_place = searches[each["search"]]
        click, *place = clicks[each["click"]]
        assert [each["search_partition"], each["search_offset"]] == its_place
        assert [each["click_partition"], each["click_offset"]] == place
        assert (each["query"], each["item"]) == (search["query"], click["item"])
        assert each["delay"] == click["time"] - search["time"]
    nths = defaultdict(list)
    for each in found:
        nths[each["search"]].append(each["nth"])
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in nths.values())

    lonely = Counter(("search", name) for name in searches if not name.startswith("m"))
    lonely += Counter(("click", name) for name in clicks if not name.startswith("m"))
    for search, click in pairs:
        lonely.pop(("search", search), None)
        lonely.pop(("click", click), None)
    alone = run.values("search-alone")
    assert Counter((each["kind"], each["id"]) for each in alone) == lonely
    assert {each["reason"] for each in alone} == {"unmatched"}


def test_a_rate_is_that_of_the_searches_of_its_window(joined: Joined) -> None:
    """Counted by the time of the search; the last result of each window is final."""
    searches = {v["id"]: v for *_, v in read_all(joined.market, "searches")}
    clicked = {each["search"] for each in joined.run.values("search-clicks")}
    for size in 5 * MINUTE, 60 * MINUTE:
        compare_rates(joined.run.values("click-through"), size, searches, clicked)


def compare_rates(found: list[dict], size: int, searches: dict, clicked: set[str]) -> None:
    """Compare what was last said of each window of a size with a count of its own."""
    expected, with_click = Counter(), Counter()
    for name, search in searches.items():
        window = search["query"], search["time"] // size * size
        expected[window] += 1
        with_click[window] += name in clicked
    last = {}
    for each in sorted(found, key=lambda each: each["revision"]):
        if each["size"] == size:
            last[each["query"], each["start"]] = each
    assert {window: each["searches"] for window, each in last.items()} == expected
    for window, each in last.items():
        assert each["clicked"] == with_click[window]
        assert each["rate"] == with_click[window] / expected[window]
        assert each["final"] == (not window[0].startswith("mark"))


def test_clicks_get_the_profiles_that_came_in_time(joined: Joined) -> None:
    """Each click once, with the profile that the log says both were joined in."""
    market, run = joined.market, joined.run
    clicks = {v["id"]: (v, p, o) for p, o, _, v in read_all(market, "clicks")}
    profiles = {(p, o): v for p, o, _, v in read_all(market, "profiles")}
    logs = defaultdict(list)
    for partition, _, _, value in read_all(market, "clicks-and-profiles"):
        logs[partition].append(value)

    # Both inputs are in it, once, each user's records of an input in their order.
    log = [value for values in logs.values() for value in values]
    assert Counter(v["id"] for v in log if v["type"] == "click") == Counter(clicks.keys())
    changes = [v for v in log if v["type"] == "profile"]
    assert Counter((v["partition"], v["offset"]) for v in changes) == Counter(
        place for place, value in profiles.items() if value
    )
    assert sum(v["type"] == "no-profile" for v in log) == sum(not v for v in profiles.values())

    expected = {}
    for values in logs.values():
        expected |= enriched(values)
    found = {each["id"]: each for each in run.values("clicks-enriched")}
    assert len(found) == len(run.outputs["clicks-enriched"])
    waiting = {f"m{n}" for n in range(12, 24)}
    assert found.keys() == clicks.keys() - waiting
    for name, each in found.items():
        click, *place = clicks[name]
        assert {key: each[key] for key in click} == click
        assert [each["partition"], each["offset"]] == place
        profile = each["profile"]
        assert (profile and (profile["partition"], profile["offset"])) == expected[name], each
        assert each["reason"] == (None if profile else "unknown")
        if profile:
            origin = profiles[profile["partition"], profile["offset"]]
            assert origin["user"] == click["user"]
            assert {key: profile[key] for key in ("segment", "country", "time")} == {
                key: origin[key] for key in ("segment", "country", "time")
            }
    # Some waited for theirs, some in vain.
    assert any(each["waited"] and each["profile"] for each in found.values())
    assert any(each["profile"] is None for each in found.values())


def enriched(log: list[dict]) -> dict[str, tuple[int, int] | None]:
    """Give the place of the profile of each click of a partition; None where it has none."""
    clock = list(accumulate((v["time"] if v["type"] == "click" else 0 for v in log), max))
    changes = defaultdict(list)
    for index, value in enumerate(log):
        if value["type"] != "click":
            place = (value["partition"], value["offset"]) if value["type"] == "profile" else None
            changes[value["user"]].append((index, place))
    found: dict[str, tuple[int, int] | None] = {}
    for index, value in enumerate(log):
        if value["type"] != "click":
            continue
        before = [place for at, place in changes[value["user"]] if at < index]
        found[value["id"]] = before[-1] if before else None
        if found[value["id"]] is None:
            # The first one after it, unless its time was over by then.
            later = (each for each in changes[value["user"]] if each[0] > index and each[1])
            at, place = next(later, (0, None))
            if place and clock[at] < value["time"] + PROFILE_GRACE:
                found[value["id"]] = place
    return found


def test_each_verdict_is_that_of_the_rules_it_names(joined: Joined) -> None:
    """While rules came, changed and went, and the worker that followed them was killed."""
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
        said = [(each["rule"], each["version"]) for each in verdict["reasons"]]
        assert said == found.reasons, verdict
        first = verdict["first"]
        assert (first and (first["id"], first["accepted"], first["rules_version"])) == found.first
        names = {row.id: row for row in truth.in_force(verdict["rules_version"])}
        kinds.update(names[rule].kind if rule else "at odds" for rule, _ in said)
        kinds.update([verdict["kind"]])
    assert len(kinds) == 10, kinds
    versions = Counter(each["rules_version"] for each in verdicts.values())
    assert len(versions) > 1
    print(  # noqa: T201  # shown by `pytest -s`
        f"{len(verdicts)} verdicts by {len(versions)} of {max(versions)} versions of {NUMBER} "
        f"rules: {dict(kinds)}"
    )


def test_what_can_not_be_read_is_a_dead_letter_once(joined: Joined) -> None:
    """Also where two pipelines read it."""
    letters = Counter(each.value["topic"] for each in joined.run.outputs["dead-letters"])
    sent = Counter(topic.name for topic, _ in joined.sent)
    for name in "searches", "clicks", "profiles", "transactions":
        read = sum(1 for *_, v in read_all(joined.market, name) if not v or _is_no_mark(v))
        assert letters[name] == sent[name] - read
    assert letters.keys() <= {"searches", "clicks", "profiles", "transactions"}
    assert letters["clicks"]
    assert letters["transactions"]


def _is_no_mark(value: dict) -> bool:
    return not value.get("user", "").startswith(("mark-", "end-"))
