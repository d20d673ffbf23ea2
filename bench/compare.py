"""Comparison of tickstream with other frameworks: the same work, in turns, each result checked.

Each contestant reads the same ticks from a topic of 3 partitions, keeps open, high, low, close and
volume of each symbol and window with a changelog, publishes changes and commits every second. The
broker is on one core, the contestant on another. Everything is read from the output topic: a time
counts only if all results equal those computed independently; the first third is warm-up; the
clock stops when the last right result is in the topic.

usage: compare.py [--workload NAME ...] [--contestants NAME ...] [--rounds 3] [--ticks N]
       compare.py --windows 5m 5m/1m 15m/1s

With `--windows` tickstream folds each definition in turn besides the floor of Python, and the cost
of a tick relative to the first definition is printed: it must not grow with size / advance.
"""

import argparse
import signal
import sys
import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from bench import chart, machine, report
from bench.comparison_runner import ComparisonRunner, Conditions
from bench.contestants import CONTESTANTS, REPOSITORY
from bench.report import Rounds
from bench.workloads import WORKLOADS, Workload, of_window
from eventfold.windows import parse_windows

RESULTS = REPOSITORY / "bench" / "results"
CHART = REPOSITORY / "docs" / "performance.svg"

#: The contestant whose ticks are in the topic that tickstream reads.
OWN = "tickstream"


class Source(NamedTuple):
    """Input shared by workloads; `own` is the number of ticks in tickstream's own topic."""

    symbols: int
    step: int
    own: int | None


def main() -> None:
    """Run all workloads, print and write the results."""
    # Exit normally on SIGTERM, so that the broker and the contestants are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = _arguments()
    workloads = _workloads(args)
    found: dict[str, dict] = {}
    print("tickstream folds candles", machine.describe()["candles"], flush=True)
    for source, these in _by_source(workloads, args).items():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
            found |= _measure(source, these, args, Path(directory))
    if args.windows:
        _print_costs([found[each.name] for each in workloads])
    paths = [report.write(each, args.results) for each in found.values()]
    print("written:", *paths)
    if args.chart:
        chart.draw_files(args.results, args.chart)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--workload", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    add("--windows", nargs="+", metavar="SIZE[/ADVANCE]", help="workloads of these windows instead")
    add("--contestants", nargs="+", choices=CONTESTANTS, help="default: all of the workload")
    add("--rounds", type=int, default=3)
    add("--ticks", type=int, help="number of ticks that fast contestants read")
    add(
        "--ticks-of",
        nargs="+",
        default=[],
        metavar="CONTESTANT=N",
        help="number of ticks that one contestant reads",
    )
    add("--full", action="store_true", help="slow contestants read as many as fast ones")
    add("--symbols", type=int, help="default: the workload's")
    add("--step", type=int, help="event time between two ticks (ms); default: the workload's")
    add("--pipelines", help="pipelines of tickstream; default: the workload's")
    add("--interval", type=int, default=1000, help="commit and publish interval (ms)")
    add("--guarantee", choices=["at_least_once", "exactly_once"], default="at_least_once")
    add("--limit", type=float, default=600, help="time-out of a run (s)")
    add(
        "--baseline",
        choices=CONTESTANTS,
        default="kafka-streams",
        help="contestant that ratios refer to",
    )
    add("--results", type=Path, default=RESULTS, help="directory of the JSON files")
    add("--chart", type=Path, help=f"SVG of all results; {CHART.name} for the default --results")
    add("--logs", type=Path, help="directory for the contestants' logs")
    args = parser.parse_args()
    args.ticks_of = {name: int(count) for name, count in (of.split("=") for of in args.ticks_of)}
    if args.chart is None and args.results == RESULTS:
        args.chart = CHART
    return args


def _workloads(args: argparse.Namespace) -> list[Workload]:
    if args.windows:
        windows = parse_windows(",".join(args.windows))
        chosen = [of_window(each) for each in windows]
    else:
        chosen = [WORKLOADS[name] for name in args.workload]
    asked = {name: getattr(args, name) for name in ("ticks", "symbols", "step", "pipelines")}
    changes = {name: value for name, value in asked.items() if value is not None}
    if args.contestants:
        changes["contestants"] = tuple(args.contestants)
    return [replace(each, **changes) for each in chosen]


def _ticks(workload: Workload, name: str, args: argparse.Namespace) -> int:
    return args.ticks_of.get(name) or workload.ticks_of(name, full=args.full)


def _by_source(workloads: list[Workload], args: argparse.Namespace) -> dict[Source, list[Workload]]:
    sources = defaultdict(list)
    for each in workloads:
        # The pipelines that tickstream runs besides its filter must have no input.
        own = None if each.work == "filter" else _ticks(each, OWN, args)
        sources[Source(each.symbols, each.step, own)].append(each)
    return sources


def _measure(
    source: Source, workloads: list[Workload], args: argparse.Namespace, directory: Path
) -> dict[str, dict]:
    """Run the rounds of workloads over the same ticks; return the summary of each."""
    counts = {_ticks(each, name, args) for each in workloads for name in each.contestants}
    conditions = Conditions(args.interval, args.guarantee, args.limit)
    found = {}
    with ComparisonRunner(directory, args.logs) as runner:
        runner.fill(symbols=source.symbols, step=source.step, counts=counts, own=source.own)
        for workload in workloads:
            print(f"\n{workload.title}", flush=True)
            rounds: Rounds = {name: [] for name in workload.contestants}
            for number in range(args.rounds):
                for name in _rotated(workload.contestants, number):
                    ticks = _ticks(workload, name, args)
                    outcome = runner.measure(CONTESTANTS[name], workload, ticks, conditions)
                    rounds[name].append(outcome)
                    print(f"  round {number + 1}, {name}: {outcome}", flush=True)
            found[workload.name] = report.summary(
                workload, rounds, _versions(workload), machine.describe(), args.baseline
            )
            report.show(found[workload.name])
    return found


def _rotated(names: tuple[str, ...], number: int) -> list[str]:
    """Rotate the contestants by round, since the first of a round has a cold broker."""
    first = number % len(names)
    return [*names[first:], *names[:first]]


def _versions(workload: Workload) -> dict[str, str]:
    found = {}
    for name in workload.contestants:
        # The reason of a failed start is printed already.
        with suppress(Exception):
            found[name] = CONTESTANTS[name].version()
    return found


def _print_costs(found: list[dict[str, Any]]) -> None:
    """Print the cost of a tick relative to the first window definition."""
    rates = [each["contestants"].get(OWN, {}).get("rate") for each in found]
    for each, rate in zip(found, rates, strict=True):
        if rates[0] and rate:
            cost = rates[0]["median"] / rate["median"]
            first = found[0]["workload"]["title"]
            title = each["workload"]["title"]
            print(f"{title}: a tick costs {cost:.2f} times a tick of {first}")


if __name__ == "__main__":
    main()
