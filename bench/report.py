"""Report of the results as a table, and as JSON for the chart and the records."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.trial import Outcome
from bench.workloads import Workload

#: Outcomes of each contestant, one per round.
Rounds = dict[str, list[Outcome]]


def spread(values: Iterable[float | None]) -> dict[str, float] | None:
    """Return median, minimum and maximum of the known values; None if there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"median": statistics.median(known), "min": min(known), "max": max(known)}


def ratios(rates: Sequence[float | None], base: Sequence[float | None]) -> list[float | None]:
    """Return the ratio of two rates for each round, since a slow round slows both."""
    return [rate / of if rate and of else None for rate, of in zip(rates, base, strict=False)]


def summary(
    workload: Workload, rounds: Rounds, versions: dict[str, str], machine: dict, baseline: str
) -> dict[str, Any]:
    """Return workload, machine, all rounds, and the figures of the table."""
    base = [each.rate for each in rounds.get(baseline, [])]
    return {
        "workload": asdict(workload) | {"emit": workload.emit, "fewer": None},
        "machine": machine,
        "baseline": baseline,
        "contestants": {
            name: {
                "version": versions.get(name),
                "ticks": outcomes[0].ticks,
                "ratio": spread(ratios([each.rate for each in outcomes], base)),
                "rate": spread(each.rate for each in outcomes),
                "cpu_per_million": spread(
                    each.cpu and each.cpu / each.ticks * 1e6 for each in outcomes
                ),
                "memory": spread(each.memory for each in outcomes),
                "startup": spread(each.startup for each in outcomes),
                "reason": next((each.reason for each in outcomes if each.reason), None),
                "rounds": [asdict(each) for each in outcomes],
            }
            for name, outcomes in rounds.items()
        },
    }


def write(found: dict[str, Any], directory: Path) -> Path:
    """Write a summary as `<workload>.json`; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{found['workload']['name']}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def show(found: dict[str, Any], console: Console | None = None) -> None:
    """Print the table of one workload."""
    workload, baseline = found["workload"], found["baseline"]
    table = Table(
        "",
        f"x {baseline}",
        "ticks/s",
        "CPU-s/million",
        "peak MB",
        "ticks read",
        "checked",
        box=SIMPLE_HEAD,
        title=f"{workload['title']} ({workload['name']})",
        title_justify="left",
    )
    for column in table.columns[1:6]:
        column.justify = "right"
    for name, each in found["contestants"].items():
        table.add_row(name, *_cells(each))
    (console or Console(width=None if Console().is_terminal else 150)).print(table)


def _cells(each: dict[str, Any]) -> list[str]:
    last = each["rounds"][-1]
    checked = each["reason"] or f"{last['results']:,} correct"
    if last["whole"]:
        checked += ", start-up included"
    return [
        _range(each["ratio"], ".2f"),
        _range(each["rate"], ",.0f"),
        _range(each["cpu_per_million"], ".1f"),
        _range(each["memory"] and {key: at / 2**20 for key, at in each["memory"].items()}, ",.0f"),
        f"{each['ticks']:,}",
        checked,
    ]


def _range(values: dict[str, float] | None, form: str) -> str:
    if values is None:
        return "-"
    middle, least, most = (format(values[key], form) for key in ("median", "min", "max"))
    return middle if least == most else f"{middle} ({least}-{most})"
