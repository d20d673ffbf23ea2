"""Render a view on a terminal."""

from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from app.top.view import PartitionView, TableView, View, WorkerView
from eventfold.windows.durations import approximate_duration

#: Lag, in records and in seconds of event time, that is shown in another colour.
HIGH_LAG = 10_000
HIGH_EVENT_TIME_LAG = 60

NONE = "-"


def draw(view: View) -> Group:
    """Return the screen: a headline, workers, partitions, tables, the top ten gainers."""
    parts: list[RenderableType] = [_headline(view), _workers(view.workers)]
    if view.partitions:
        parts.append(_partitions(view.partitions))
    parts.append(_tables(view.tables))
    if view.gainers:
        parts.append(_gainers(view))
    return Group(*parts)


def _headline(view: View) -> Text:
    now = datetime.now(UTC).strftime("%H:%M:%S UTC")
    folded = max((each.records for each in view.tables), default=0.0)
    dead = Text(f"{view.dead_letters:,} dead letters ({view.dead_letter_rate:,.1f}/s)")
    dead.stylize("yellow" if view.dead_letter_rate else "")
    return Text("   ").join(
        [
            Text(view.application, "bold"),
            Text(now),
            Text(f"{folded:,.0f} records/s", "bold"),
            Text("lag ") + _lag(view.lag),
            dead,
        ]
    )


def _columns(first: str, *numbers: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _workers(workers: list[WorkerView]) -> Table:
    table = _columns("worker", "version", "tasks", "opening", "lag", "cores", "memory")
    for each in workers:
        if not each.answers:
            table.add_row(each.url, Text(_gone(each.answered), "red"))
            continue
        opening = Text(str(each.opening), "yellow" if each.opening else "")
        cpu = NONE if each.cpu is None else f"{each.cpu:.2f}"
        memory = NONE if each.memory is None else decimal(each.memory)
        running = Text(str(each.running), "" if each.running else "red")
        table.add_row(each.url, each.version, running, opening, _lag(each.lag), cpu, memory)
    return table


def _gone(answered: int | None) -> str:
    if answered is None:
        return "does not answer"
    at = datetime.fromtimestamp(answered / 1000, UTC)
    ago = (datetime.now(UTC) - at).total_seconds()
    return f"gone since {at:%H:%M:%S} UTC ({approximate_duration(max(0, round(ago) * 1000))} ago)"


def _partitions(partitions: list[PartitionView]) -> Table:
    """Return one row per source with the lag of each of its partitions."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("source", no_wrap=True)
    table.add_column("lag by partition")
    by_topic: dict[str, list[PartitionView]] = {}
    for each in partitions:
        by_topic.setdefault(each.topic, []).append(each)
    for topic, group in by_topic.items():
        lags = [Text(f"{each.partition}: ") + _lag(each.lag) for each in group]
        table.add_row(topic, Text("  ").join(lags))
    return table


def _tables(tables: list[TableView]) -> Table:
    table = _columns(
        "table", "records/s", "results/s", "late", "late/s", "event-time lag", "on disk", "restored"
    )
    for each in tables:
        restored = NONE if each.restoring is None else Text(f"{each.restoring:.0%}", "yellow")
        table.add_row(
            each.table,
            f"{each.records:,.0f}",
            f"{each.published:,.0f}",
            f"{each.late:,}",
            Text(f"{each.late_rate:,.1f}", "yellow" if each.late_rate else ""),
            _event_time_lag(each.event_time_lag),
            decimal(each.store),
            restored,
        )
    return table


def _gainers(view: View) -> Table:
    table = _columns(view.day or "", "gain", "open", "last")
    for rank, each in enumerate(view.gainers, 1):
        fraction = each.gain or 0.0
        gain = Text(f"{fraction:+.2%}", "green" if fraction >= 0 else "red")
        table.add_row(f"{rank:2}. {each.symbol}", gain, f"{each.open:g}", f"{each.last:g}")
    return table


def _lag(lag: int | None) -> Text:
    if lag is None:
        return Text(NONE)
    return Text(f"{lag:,}", "yellow" if lag > HIGH_LAG else "")


def _event_time_lag(seconds: float | None) -> Text:
    if seconds is None:
        return Text(NONE)
    text = approximate_duration(max(0, round(seconds * 1000)))
    return Text(text, "yellow" if seconds > HIGH_EVENT_TIME_LAG else "")
