"""Check of all results in the topics against the truth, those that were corrected later included.

It takes records as a `read_committed` reader sees them, in log order, from any source.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl
import truth
from chaos_truth import CLOSE_FIELDS, STATE, SURGE_FIELDS, TABLES, Truth

#: Topics of results.
OUTPUTS = (
    *("candles", "ticks-late", "daily-gains", "top-gainers", "top-losers", "most-active"),
    *("surges", "closes", "trend-signals", "dead-letters"),
)

#: Fields of each row of a ranking.
PLACE = ["symbol", "gain", "open", "last", "time", "volume"]

#: Sort field of each ranking, and whether it is descending.
RANKINGS = {
    "top-gainers": ("gain", True),
    "top-losers": ("gain", False),
    "most-active": ("volume", True),
}


class Record(NamedTuple):
    """A record of a topic; `timestamp` is Kafka's (ms)."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def json(self) -> Any:
        """The decoded value."""
        return json.loads(self.value or b"")


#: Records by topic, those of a partition in order.
Topics = Mapping[str, list[Record]]


@dataclass
class Verdict:
    """Verdict on a run: how much was compared, and the problems found."""

    ticks: int = 0
    windows: int = 0
    results: int = 0
    finals: int = 0
    rankings: int = 0
    wrong_windows: int = 0
    wrong_rankings: int = 0
    duplicates: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, what: str, wrong: Iterable[object]) -> int:
        """Note a problem with its first few examples, if there are any; return how many."""
        found = list(wrong)
        if found:
            examples = "; ".join(map(str, found[:3]))
            self.problems.append(f"{what}: {len(found)}, such as {examples}")
        return len(found)


def truth_of(ticks: Iterable[Record]) -> Truth:
    """Compute what follows from the records of `ticks`."""
    return Truth((r.partition, r.offset, r.timestamp, r.key, r.value) for r in ticks)


def check(topics: Topics, right: Truth) -> Verdict:
    """Compare the topics of results with the truth."""
    verdict = Verdict(ticks=right.records)
    _check_candles(topics["candles"], right, verdict)
    _check_late_and_dead(topics, right, verdict)
    _check_gains(topics["daily-gains"], right, verdict)
    for ranking in RANKINGS:
        _check_rankings(ranking, topics, right, verdict)
    _check_surges(topics["surges"], right, verdict)
    _check_trends(topics, right, verdict)
    return verdict


def _check_once(verdict: Verdict, topic: str, names: Iterable[Hashable]) -> None:
    """Check that no result, identified by its name, is there more than once."""
    counted = Counter(names)
    twice = [f"{name} {times} times" for name, times in counted.items() if times > 1]
    verdict.note(f"{topic}: results seen more than once", twice)
    verdict.duplicates += counted.total() - len(counted)


# -- candles


def _check_candles(records: list[Record], right: Truth, verdict: Verdict) -> None:
    published = [each.json for each in records]
    verdict.results = len(published)
    versions: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for candle in published:
        versions[_window(candle)].append(candle)
    _check_once(verdict, "candles", ((*_window(c), c["revision"]) for c in published))
    _check_order(versions, right, verdict)
    _check_last(versions, right, verdict)
    _check_histories(pl.DataFrame(published, infer_schema_length=None), right, verdict)


def _window(candle: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(candle[name] for name in truth.WINDOW)


def _check_order(versions: Mapping, right: Truth, verdict: Verdict) -> None:
    """Check that revisions of a window rise, and that its final result is last, once and due."""
    falling, after, several = [], [], []
    for window, candles in versions.items():
        revisions = [candle["revision"] for candle in candles]
        if revisions != sorted(revisions):
            falling.append(f"{window} {revisions}")
        finals = [candle["final"] for candle in candles]
        if any(finals[:-1]):
            after.append(f"{window} {revisions}")
        if len({json.dumps(candle) for candle in candles if candle["final"]}) > 1:
            several.append(window)
    verdict.note("candles: windows whose revisions fall", falling)
    verdict.note("candles: windows with a revision after the final one", after)
    verdict.note("candles: windows with several finals", several)

    expected = right.windows.filter("final").select(truth.WINDOW).rows()
    final = {window for window, published in versions.items() if any(c["final"] for c in published)}
    verdict.finals = len(final)
    verdict.note("candles: windows without their final", set(expected) - final)
    verdict.note("candles: windows that are final too early", final - set(expected))


def _check_last(versions: Mapping, right: Truth, verdict: Verdict) -> None:
    """Check that the highest revision of each window is the truth, in every field."""
    last = [max(each, key=lambda candle: candle["revision"]) for each in versions.values()]
    found = pl.DataFrame(last, infer_schema_length=None)
    verdict.windows = len(right.windows)
    wrong = set(_rows(truth.differences(right.windows, found)))
    both = right.windows.join(found, on=truth.WINDOW, suffix="_found")
    status = both.filter(
        (pl.col("revision") != pl.col("revision_found"))
        | (pl.col("final") != pl.col("final_found"))
    )
    wrong |= set(_rows(status))
    verdict.wrong_windows = verdict.note("candles: wrong windows", wrong)


def _rows(windows: pl.DataFrame) -> Iterable[tuple[Any, ...]]:
    """Yield the identities of windows; unexpected ones by their `_found` columns."""
    if "symbol_found" in windows.columns:
        names = [pl.coalesce(name, f"{name}_found").alias(name) for name in truth.WINDOW]
        windows = windows.select(names)
    return windows.select(truth.WINDOW).iter_rows()


def _check_histories(published: pl.DataFrame, right: Truth, verdict: Verdict) -> None:
    """Check that every result equals its window after the tick that it names as its last."""
    history = right.histories
    named = published.select(STATE)
    history = history.join(named.unique(), on=STATE, how="semi")
    unknown = named.join(history, on=STATE, how="anti")
    verdict.note("candles: results of ticks that are not in them", unknown.iter_rows())
    both = published.join(history, on=STATE, suffix="_right")
    exact = ["end", "open", "high", "low", "close", "volume", "count", "late", "first_offset"]
    different = [pl.col(name) != pl.col(f"{name}_right") for name in [*exact, "partition"]]
    for name in ("vwap", "mean"):
        differing = (pl.col(name) - pl.col(f"{name}_right")).abs() > 1e-9 * pl.col(name).abs()
        unlike = pl.col(name).is_null() != pl.col(f"{name}_right").is_null()
        different.append(differing.fill_null(value=False) | unlike)
    different.append(pl.col("revision") != 2 * pl.col("last_offset") + pl.col("final"))
    wrong = both.filter(pl.any_horizontal(different)).select(STATE)
    verdict.note("candles: results that are not those of the ticks so far", wrong.iter_rows())


# -- late records and dead letters


def _check_late_and_dead(topics: Topics, right: Truth, verdict: Verdict) -> None:
    """Check late ticks and dead letters: the right ones, once each, with distinct headers."""
    late = [(each, each.json) for each in topics["ticks-late"]]
    for table in TABLES:
        these = [
            (v["partition"], v["offset"], v["stream_time"]) for _, v in late if v["table"] == table
        ]
        _check_once(verdict, f"ticks-late of {table}", these)
        _check_same(verdict, f"ticks-late of {table}", right.late(table), set(these))
    # Dead letters of other pipelines are compared in chaos_cases_check.py.
    letters = [(each, each.json) for each in topics["dead-letters"]]
    dead = [(each, value) for each, value in letters if value["topic"] == "ticks"]
    places = [(value["partition"], value["offset"]) for _, value in dead]
    _check_once(verdict, "dead-letters", places)
    _check_same(verdict, "dead-letters", right.dead, set(places))
    for topic, records in (("ticks-late", late), ("dead-letters", dead)):
        # Each table has late records of its own, so one tick may be late twice.
        sources = Counter((dict(each.headers).get("source"), v.get("table")) for each, v in records)
        twice = [source for source, times in sources.items() if times > 1]
        verdict.note(f"{topic}: headers `source` that are not distinct", twice)
        wrong = [v for each, v in records if dict(each.headers).get("source") != _source(v)]
        verdict.note(f"{topic}: headers `source` that are wrong", wrong)


def _source(value: Mapping[str, Any]) -> bytes:
    return f"ticks-{value['partition']}-{value['offset']}".encode()


def _check_same(verdict: Verdict, topic: str, expected: set, found: set) -> None:
    verdict.note(f"{topic}: missing", sorted(expected - found))
    verdict.note(f"{topic}: should not be there", sorted(found - expected))


# -- gains and rankings


def _check_gains(records: list[Record], right: Truth, verdict: Verdict) -> None:
    """Check that each gain is that of the ticks so far, and the last of each day of all ticks."""
    published = [each.json for each in records]
    names = [(gain["symbol"], gain["day"], gain["offset"], gain["final"]) for gain in published]
    _check_once(verdict, "daily-gains", names)
    found = pl.DataFrame(published, infer_schema_length=None)
    history = right.days.rename({"close": "last", "last_offset": "offset", "last_time": "time"})
    fields = ["open", "last", "low", "high", "gain", "count", "time", "partition"]
    state = ["symbol", "day", "offset"]
    both = found.join(history, on=state, how="left", suffix="_right")
    different = [pl.col(name).ne_missing(pl.col(f"{name}_right")) for name in fields]
    wrong = both.filter(pl.any_horizontal(different)).select(state)
    verdict.note("daily-gains: gains that are not those of the ticks so far", wrong.iter_rows())

    days = right.windows.filter(pl.col("size") == TABLES["days"][0][0][0])
    by_day = days.with_columns(day=pl.from_epoch("start", time_unit="ms").dt.strftime("%Y-%m-%d"))
    expected = set(by_day.select("symbol", "day", "last_offset", "final").iter_rows())
    last = {name[:2]: name for name in names}
    _check_same(verdict, "daily-gains, last of each day", expected, set(last.values()))


def _check_rankings(topic: str, topics: Topics, right: Truth, verdict: Verdict) -> None:
    """Check that each ranking is that of `daily-gains` so far, and the last one of all ticks."""
    published = [each.json for each in topics[topic]]
    verdict.rankings += len(published)
    _check_once(verdict, topic, ((each["day"], each["revision"]) for each in published))
    expected = _rankings(topics["daily-gains"], *RANKINGS[topic])
    wrong = [
        f"{each['day']} {each['revision']}"
        for each in published
        if expected.get((each["day"], each["revision"])) != (each["rank"], each["time"])
    ]
    verdict.wrong_rankings += verdict.note(f"{topic}: not those of the gains so far", wrong)

    last: dict[str, dict[str, Any]] = {}
    for each in published:
        if each["revision"] < last.get(each["day"], each)["revision"]:
            verdict.note(f"{topic}: days whose revisions fall", [each["day"]])
        last[each["day"]] = each
    latest = dict(expected.keys())
    final = _final_rankings(right, *RANKINGS[topic])
    days = {day: (latest.get(day), rank) for day, rank in final.items()}
    found = {day: (each["revision"], each["rank"]) for day, each in last.items()}
    differing = [day for day in days.keys() | found.keys() if days.get(day) != found.get(day)]
    verdict.wrong_rankings += verdict.note(f"{topic}: days with a wrong ranking", differing)


def _rankings(
    records: list[Record], field: str, descending: bool
) -> dict[tuple[str, int], tuple[list[dict], int]]:
    """Compute ranking and time after each gain, by day and the offset of the gain, ascending."""
    gains: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    found = {}
    for record in sorted(records, key=lambda record: record.offset):
        gain = record.json
        rows = gains[gain["day"]]
        rows[gain["symbol"]] = {name: gain[name] for name in PLACE}
        by_symbol = sorted(rows.values(), key=lambda row: row["symbol"])
        best = sorted(by_symbol, key=lambda row: row[field], reverse=descending)
        newest = max(row["time"] for row in rows.values())
        found[gain["day"], record.offset] = best[:10], newest
    return found


def _final_rankings(right: Truth, field: str, descending: bool) -> dict[str, list[dict[str, Any]]]:
    best = right.gains.sort([field, "symbol"], descending=[descending, False])
    places = best.rename({"close": "last", "last_time": "time"})
    return {
        day: rows.head(10).select(PLACE).to_dicts()
        for (day,), rows in places.group_by("day", maintain_order=True)
    }


# -- surges


def _check_surges(records: list[Record], right: Truth, verdict: Verdict) -> None:
    """Check that each minute in which a price moved much is published once, when it is final."""
    published = [each.json for each in records]
    _check_once(verdict, "surges", ((surge["symbol"], surge["start"]) for surge in published))
    found = {tuple(surge[name] for name in SURGE_FIELDS) for surge in published}
    _check_same(verdict, "surges", right.surges, found)
    verdict.note("surges: not final", [surge for surge in published if not surge["final"]])


# -- trends


def _check_trends(topics: Topics, right: Truth, verdict: Verdict) -> None:
    """Check that each final 5 minutes and each crossing of their averages is published once."""
    for topic, names, expected in (
        ("closes", CLOSE_FIELDS, right.closes),
        ("trend-signals", ["signal", "windows", *CLOSE_FIELDS], right.signals),
    ):
        published = [each.json for each in topics[topic]]
        _check_once(verdict, topic, ((each["symbol"], each["start"]) for each in published))
        found = {tuple(each[name] for name in names) for each in published}
        _check_same(verdict, topic, expected, found)
