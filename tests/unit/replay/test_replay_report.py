"""Report of a replay for people and programs."""

from collections import Counter
from io import StringIO
from typing import Any

import pytest
from aiokafka import TopicPartition
from rich.console import Console

from eventfold.replay import Difference, Interval, Report, TopicSummary
from eventfold.replay.history import History
from eventfold.replay.report import WIDTH, as_json, describe_plan, format_report, verdict

#: 2026-01-31T10:00Z, and the hour that begins then.
BEGIN = 1_769_853_600_000
INTERVAL = Interval(BEGIN, BEGIN + 3_600_000)


def difference(what: Any, live: Any, replayed: Any, **names: str) -> Difference:
    """Return a difference of a candle of A."""
    return Difference(
        **{"topic": "candles", "key": "A", "identity": "[60,60,0]"} | names,  # type: ignore[arg-type]
        what=what,
        live=live,
        replayed=replayed,
    )


def candle(minute: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the fields of a candle of a minute."""
    start = BEGIN + minute * 60_000
    return {"start": start, "end": start + 60_000, "final": True, "first_offset": 7} | fields


def report(*differences: Difference, compared: int = 0, seconds: float = 2.0) -> Report:
    """Return the report of a replay of two partitions, with these differences in candles."""
    parts = [
        History(
            TopicPartition("ticks", n), True, 100 * n, 500, 500, INTERVAL, INTERVAL.end, False, 0
        )
        for n in (0, 1)
    ]
    parts[1].position, parts[1].stream_time = 321, INTERVAL.end + 5
    summary = TopicSummary(compared, Counter({"are odd": 2, "reach far": 3_000}), [*differences])
    topics = {"candles": summary, "surges": TopicSummary(0)}
    return Report(INTERVAL, 12_345, seconds, parts, topics, ["it is a test"])


def printed(found: Report, limit: int = 10) -> str:
    """Return the printed text without blank lines and repeated spaces."""
    console = Console(file=StringIO(), width=200)
    for each in format_report(found, limit):
        console.print(each)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


DIFFERENCES = [
    difference("added", None, candle(high=2.123456789, revision=4)),
    difference("removed", candle(1, high=1), None, key="B"),
    difference("changed", candle(2, high=1, low=1), candle(2, high=3, low=1)),
    difference("added", None, {"text": "x" * (WIDTH + 1)}, identity="ticks-0-7"),
    difference("added", None, {"text": "y" * WIDTH, "start": 1}, identity="ticks-0-8"),
]


def test_report_is_printed_in_tables() -> None:
    """How much was read, how topics compare, why results are left out, the first differences."""
    replayed = "replayed 12,345 records of ticks in 2.0 s (6,172/s)"
    assert printed(report(*DIFFERENCES, compared=1_008)).splitlines() == [
        f"2026-01-31T10:00:00 to 2026-01-31T11:00:00: {replayed}",
        "topic compared the same added removed changed left out",
        _rule(printed(report(*DIFFERENCES, compared=1_008)), 2),
        "candles 1,008 1,003 3 1 1 3,002",
        "surges 0 0 0 0 0 0",
        "left out of candles: 3,000 that reach far",
        "left out of candles: 2 that are odd",
        "topic key which live replay",
        _rule(printed(report(*DIFFERENCES, compared=1_008)), 8),
        "candles added A 2026-01-31T10:00:00 to 2026-01-31T10:01:00 - high=2.12346",
        "candles removed B 2026-01-31T10:01:00 to 2026-01-31T10:02:00 high=1 -",
        "candles changed A 2026-01-31T10:02:00 to 2026-01-31T10:03:00 high=1 high=3",
        f"candles added A ticks-0-7 - text={'x' * (WIDTH - 3)}...",
        f"candles added A ticks-0-8 - text={'y' * WIDTH}",
        "Note: it is a test.",
    ]


def _rule(text: str, line: int) -> str:
    """Return a line of a table, as wide as it is."""
    found = text.splitlines()[line]
    assert set(found) <= {"─", " ", "━"}
    return found


@pytest.mark.parametrize(("limit", "more"), [(4, "and 1 more"), (5, None), (6, None), (0, "and 5")])
def test_number_of_printed_differences_is_limited(limit: int, more: str | None) -> None:
    """The number of the others is printed, if there are any."""
    text = printed(report(*DIFFERENCES, compared=9), limit)
    assert text.count("candles added") + text.count("candles removed") + text.count(
        "candles changed"
    ) == min(limit, 5)
    assert ("more: see --limit" in text) is (more is not None)
    assert more is None or f"{more}" in text
    assert ("which" in text) is (len(DIFFERENCES) > 0)


def test_no_table_is_printed_without_differences() -> None:
    """A replay that took no time has a finite rate."""
    text = printed(report(compared=3, seconds=0.0), 0)
    assert "which" not in text
    assert "more" not in text
    assert "(12,345,000/s)" in text


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (report(), "Nothing could be compared: no result is final within the interval on both "),
        (report(compared=1), "No differences in 1 results"),
        (
            report(*DIFFERENCES, compared=1_008),
            "5 of 1,008 results differ: 3 added, 1 removed, 1 changed",
        ),
    ],
)
def test_the_verdict_is_one_line(found: Report, expected: str) -> None:
    """With the number of each kind of difference."""
    assert verdict(found).startswith(expected)
    assert "\n" not in verdict(found)


def test_json_report_has_each_difference_with_both_sides() -> None:
    """Times are in ms."""
    found = as_json(report(DIFFERENCES[2], compared=1_008))
    assert found == {
        "from": INTERVAL.begin,
        "to": INTERVAL.end,
        "records": 12_345,
        "seconds": 2.0,
        "read": [
            {
                "topic": "ticks",
                "partition": n,
                "from_offset": 100 * n,
                "to_offset": position,
                "stream_time": time,
            }
            for n, position, time in ((0, 0, -1), (1, 321, INTERVAL.end + 5))
        ],
        "topics": {
            "candles": {"compared": 1_008, "left_out": {"are odd": 2, "reach far": 3_000}},
            "surges": {"compared": 0, "left_out": {}},
        },
        "differences": [
            {
                "topic": "candles",
                "what": "changed",
                "key": "A",
                "identity": "[60,60,0]",
                "live": candle(2, high=1, low=1),
                "replayed": candle(2, high=3, low=1),
            }
        ],
        "remarks": ["it is a test"],
    }


def test_plan_counts_the_records_to_read_of_each_source() -> None:
    """A partition without records to read adds none and subtracts none."""
    ranges = {
        "ticks": [(100, 1_100), (0, 1), (7, 7), (500, 20)],
        "orders": [(3, 3)],
    }
    parts = [
        History(
            TopicPartition(topic, n), True, begin, 2_000, expected, INTERVAL, INTERVAL.end, False, 0
        )
        for topic, its in ranges.items()
        for n, (begin, expected) in enumerate(its)
    ]
    assert list(describe_plan(parts)) == [
        "ticks: about 1,001 records of 2 of 4 partitions to read",
        "orders: about 0 records of 0 of 1 partitions to read",
    ]
