"""tickstream beside others: the same work, in one run, one after another, each result checked.

Each contestant reads the same ticks from a topic of 3 partitions, keeps open, high, low, close,
volume of each symbol and window with a changelog, publishes what has changed and commits every
second. The broker is on one core, the contestant on another. Everything is read from the output
topic: its results have to equal those computed apart before the time counts; the first third is
warm-up; the clock stops when the last right result stands in the topic.

usage: compare.py [--workload NAME ...] [--contestants NAME ...] [--rounds 3] [--ticks N]
       compare.py --windows 5m 5m/1m 15m/1s

With `--windows` tickstream folds each kind in turn beside the floor of Python, and it is said what
a tick costs beside one of the first: that must not grow with size / advance.
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
from bench.arena import Arena, Conditions
from bench.contestants import CONTESTANTS, REPOSITORY
from bench.report import Rounds
from bench.workloads import WORKLOADS, Workload, of_window
from eventfold.windows import parse_windows

RESULTS = REPOSITORY / "bench" / "results"
CHART = REPOSITORY / "docs" / "performance.svg"

#: Whose ticks stand in the topic that tickstream reads.
OWN = "tickstream"


class Source(NamedTuple):
    """Input shared by workloads: the same ticks, and what tickstream finds of them in its topic."""

    symbols: int
    step: int
    own: int | None


def main() -> None:
    """Run all workloads, print and write what came out."""
    # Whoever ends a measurement ends its broker and contestants.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = _arguments()
    workloads = _workloads(args)
    found = {}
    print("tickstream folds candles", machine.described()["candles"], flush=True)
    for source, these in _by_source(workloads, args).items():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
            found |= _measure(source, these, args, Path(directory))
    if args.windows:
        _say_costs([found[each.name] for each in workloads])
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
    add("--contestants", nargs="+", choices=CONTESTANTS, help="else all of the workload")
    add("--rounds", type=int, default=3)
    add("--ticks", type=int, help="that the fast ones read")
    add("--ticks-of", nargs="+", default=[], metavar="CONTESTANT=N", help="that one reads")
    add("--full", action="store_true", help="the slow ones read as many as the fast ones")
    add("--symbols", type=int, help="else the workload's")
    add("--step", type=int, help="event time between two ticks, ms; else the workload's")
    add("--pipelines", help="of tickstream; else the workload's")
    add("--interval", type=int, default=1000, help="of commits and publications, ms")
    add("--guarantee", choices=["at_least_once", "exactly_once"], default="at_least_once")
    add("--limit", type=float, default=600, help="s that a run may take")
    add("--baseline", choices=CONTESTANTS, default="kafka-streams", help="what ratios are to")
    add("--results", type=Path, default=RESULTS, help="directory of the JSON files")
    add("--chart", type=Path, help=f"SVG of all results; {CHART.name} for the default --results")
    add("--logs", type=Path, help="directory to keep the contestants' logs in")
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
        # The pipelines that tickstream runs beside its filter are to find nothing.
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
    with Arena(directory, args.logs) as arena:
        arena.fill(symbols=source.symbols, step=source.step, counts=counts, own=source.own)
        for workload in workloads:
            print(f"\n{workload.title}", flush=True)
            rounds: Rounds = {name: [] for name in workload.contestants}
            for number in range(args.rounds):
                for name in _rotated(workload.contestants, number):
                    ticks = _ticks(workload, name, args)
                    outcome = arena.measure(CONTESTANTS[name], workload, ticks, conditions)
                    rounds[name].append(outcome)
                    print(f"  round {number + 1}, {name}: {outcome}", flush=True)
            found[workload.name] = report.summary(
                workload, rounds, _versions(workload), machine.described(), args.baseline
            )
            report.show(found[workload.name])
    return found


def _rotated(names: tuple[str, ...], number: int) -> list[str]:
    """Rotate the contestants by round: the first of a round finds the broker cold."""
    first = number % len(names)
    return [*names[first:], *names[:first]]


def _versions(workload: Workload) -> dict[str, str]:
    found = {}
    for name in workload.contestants:
        # The reason why one can't be started is printed already.
        with suppress(Exception):
            found[name] = CONTESTANTS[name].version()
    return found


def _say_costs(found: list[dict[str, Any]]) -> None:
    """Print the cost of a tick relative to the first window definition."""
    of = [each["contestants"].get(OWN, {}).get("rate") for each in found]
    for each, rate in zip(found, of, strict=True):
        if of[0] and rate:
            cost = of[0]["median"] / rate["median"]
            first = found[0]["workload"]["title"]
            title = each["workload"]["title"]
            print(f"{title}: a tick costs {cost:.2f} times one of {first}")


if __name__ == "__main__":
    main()
