"""Report of a replay: tables for people, JSON for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from eventfold.replay.comparison import Difference, TopicSummary
    from eventfold.replay.history import History
    from eventfold.replay.selection import Interval


#: Most characters of a value in a table.
WIDTH = 60


@dataclass
class Report:
    """Outcome of a replay."""

    interval: Interval
    #: Number of records replayed, and the duration (s).
    records: int
    seconds: float
    histories: list[History]
    topics: dict[str, TopicSummary]
    #: Remarks for the user, clauses without a full stop.
    remarks: list[str] = field(default_factory=list)

    @property
    def compared(self) -> int:
        """The number of results compared."""
        return sum(summary.compared for summary in self.topics.values())

    @property
    def differences(self) -> list[Difference]:
        """All differences, by topic and key."""
        return [each for summary in self.topics.values() for each in summary.differences]


def describe_plan(histories: Iterable[History]) -> Iterator[str]:
    """Yield a line for each source: how many records and partitions will be read."""
    by_topic: dict[str, list[History]] = {}
    for each in histories:
        by_topic.setdefault(each.tp.topic, []).append(each)
    for topic, its in by_topic.items():
        records = sum(max(0, each.expected - each.begin) for each in its)
        partitions = sum(each.expected > each.begin for each in its)
        yield f"{topic}: about {records:,} records of {partitions} of {len(its)} partitions to read"


def format_report(report: Report, limit: int) -> Iterator[RenderableType]:
    """Yield the parts of the printed report, with at most `limit` differences."""
    yield _read(report)
    yield _summaries(report)
    for topic, summary in report.topics.items():
        for why, number in summary.left_out.most_common():
            yield Text(f"left out of {topic}: {number:,} that {why}")
    differences = report.differences
    if differences:
        yield _differences(differences[:limit])
    if len(differences) > limit:
        yield Text(f"and {len(differences) - limit:,} more: see --limit, or --json")
    for remark in report.remarks:
        yield Text(f"Note: {remark}.")


def verdict(report: Report) -> str:
    """Return one line with the number of differences."""
    compared, found = report.compared, report.differences
    if not compared:
        return "Nothing could be compared: no result is final within the interval on both sides"
    if not found:
        return f"No differences in {compared:,} results"
    parts = (
        f"{sum(each.what == what for each in found):,} {what}"
        for what in ("added", "removed", "changed")
    )
    return f"{len(found):,} of {compared:,} results differ: {', '.join(parts)}"


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON types; times in ms, `seconds` in s."""
    return {
        "from": report.interval.begin,
        "to": report.interval.end,
        "records": report.records,
        "seconds": report.seconds,
        "read": [
            {
                "topic": each.tp.topic,
                "partition": each.tp.partition,
                "from_offset": each.begin,
                "to_offset": each.position,
                "stream_time": each.stream_time,
            }
            for each in report.histories
        ],
        "topics": {
            topic: {"compared": summary.compared, "left_out": dict(summary.left_out)}
            for topic, summary in report.topics.items()
        },
        "differences": msgspec.to_builtins(report.differences),
        "remarks": report.remarks,
    }


def _read(report: Report) -> Text:
    rate = report.records / max(report.seconds, 1e-3)
    sources = ", ".join(dict.fromkeys(each.tp.topic for each in report.histories))
    return Text(
        f"{_utc(report.interval.begin)} to {_utc(report.interval.end)}: replayed "
        f"{report.records:,} records of {sources} in {report.seconds:.1f} s ({rate:,.0f}/s)"
    )


def _summaries(report: Report) -> Table:
    table = Table("topic", box=SIMPLE_HEAD)
    for heading in "compared", "the same", "added", "removed", "changed", "left out":
        table.add_column(heading, justify="right")
    for topic, summary in report.topics.items():
        numbers = (
            summary.compared,
            summary.compared - len(summary.differences),
            summary.count("added"),
            summary.count("removed"),
            summary.count("changed"),
            summary.left_out.total(),
        )
        table.add_row(topic, *(f"{number:,}" for number in numbers))
    return table


def _differences(differences: list[Difference]) -> Table:
    table = Table("topic", "", "key", "which", "live", "replay", box=SIMPLE_HEAD)
    for each in differences:
        # Not `Text`, which drops some of the control characters; the console shows them.
        sides = _shown(each, each.live), _shown(each, each.replayed)
        table.add_row(each.topic, each.what, each.key, _which(each), *sides)
    return table


def _which(difference: Difference) -> str:
    """Return the span of a window, or the identity of another record."""
    fields = difference.replayed or difference.live or {}
    start, end = fields.get("start"), fields.get("end")
    if isinstance(start, int) and isinstance(end, int):
        return f"{_utc(start)} to {_utc(end)}"
    return difference.identity


def _shown(difference: Difference, fields: dict[str, Any] | None) -> str:
    if fields is None:
        return "-"
    names = difference.fields if difference.what == "changed" else _shown_names(fields)
    return " ".join(f"{name}={_short(fields[name])}" for name in names if name in fields)


def _shown_names(fields: dict[str, Any]) -> list[str]:
    """Return the fields to show, without those in other columns and those for programs."""
    hidden = {"start", "end", "size", "advance", "final", "revision", "partition", "late"}
    return [name for name in fields if name not in hidden and not name.endswith("_offset")]


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
