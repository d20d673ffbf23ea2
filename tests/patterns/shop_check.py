"""Expected results of searches, clicks and profiles, from the records in their topics."""

from collections import Counter, defaultdict
from itertools import accumulate

from crash_run import CrashRun
from joined_inputs import read_all
from workers import Market

from app.shop.topics import CLICKS_AND_PROFILES

MINUTE = 60_000

#: How long a click waits for a profile (ms).
PROFILE_GRACE = 30_000


def check_pairs(market: Market, run: CrashRun) -> None:
    """Assert that each pair and each unmatched record of all searches and clicks is there once."""
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
        search, *search_place = searches[each["search"]]
        click, *place = clicks[each["click"]]
        assert [each["search_partition"], each["search_offset"]] == search_place
        assert [each["click_partition"], each["click_offset"]] == place
        assert (each["query"], each["item"]) == (search["query"], click["item"])
        assert each["delay"] == click["time"] - search["time"]
    nths = defaultdict(list)
    for each in found:
        nths[each["search"]].append(each["nth"])
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in nths.values())

    unmatched = Counter(("search", name) for name in searches if not name.startswith("m"))
    unmatched += Counter(("click", name) for name in clicks if not name.startswith("m"))
    for search, click in pairs:
        unmatched.pop(("search", search), None)
        unmatched.pop(("click", click), None)
    alone = run.values("search-alone")
    assert Counter((each["kind"], each["id"]) for each in alone) == unmatched
    assert {each["reason"] for each in alone} == {"unmatched"}


def check_rates(market: Market, run: CrashRun) -> None:
    """Assert rates by the time of the search; the last result of each window is final."""
    searches = {v["id"]: v for *_, v in read_all(market, "searches")}
    clicked = {each["search"] for each in run.values("search-clicks")}
    for size in 5 * MINUTE, 60 * MINUTE:
        compare_rates(run.values("click-through"), size, searches, clicked)


def compare_rates(found: list[dict], size: int, searches: dict, clicked: set[str]) -> None:
    """Compare the last result of each window of a size with a count of its own."""
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


def check_enriched(market: Market, run: CrashRun) -> None:
    """Assert that each click is there once, with the profile that the log joins it with."""
    clicks = {v["id"]: (v, p, o) for p, o, _, v in read_all(market, "clicks")}
    profiles = {(p, o): v for p, o, _, v in read_all(market, "profiles")}
    logs = defaultdict(list)
    for partition, _, _, value in read_all(market, market.name_of(CLICKS_AND_PROFILES)):
        logs[partition].append(value)

    # The log has both inputs once, with each user's records of an input in order.
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
    unanswered = {f"m{n}" for n in range(12, 24)}
    assert found.keys() == clicks.keys() - unanswered
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


def enriched(log: list[dict]) -> dict[str, tuple[int, int] | None]:
    """Return the coordinates of the profile of each click of a partition; None if it has none."""
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
            # The first profile after it, unless the wait of the click was over by then.
            later = (each for each in changes[value["user"]] if each[0] > index and each[1])
            at, place = next(later, (0, None))
            if place and clock[at] < value["time"] + PROFILE_GRACE:
                found[value["id"]] = place
    return found
