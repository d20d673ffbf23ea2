"""Latency from a tick to the first result that reflects it, compared with other frameworks.

Open loop: a schedule has the due time of each tick, and latency counts from then, whatever delayed
the sender, the broker or the contestant. It ends when a `read_committed` reader of the output
topic has received the first result that reflects the tick. The work: windows of 5 min with a
changelog, commit and publication every 50 ms, exactly once. Broker, load and reader share one
core, the contestant has the other. A first run of the first contestant warms the broker up.

usage: latency.py [--rates 1000 20000 50000] [--seconds 30] [--warm-up 12] [--interval 50]
                  [--contestants tickstream kafka-streams quix] [--settle 20] [--json FILE]
                  [--logs DIRECTORY]

A contestant that is not installed is reported with the reason; the others are measured. Ticks are
sent every 4 ms, so half of that is in each median.
"""

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from bench.contestants import CONTESTANTS, PARTITIONS
from bench.machine import describe, format_machine
from bench.open_loop import Measurement, OpenLoop
from bench.schedule import Schedule
from bench.testbed import Testbed

#: Delay (ms) after which a tick in its topic counts as sent late.
LATE = 20.0

#: Ticks/s of the run that warms the broker up.
SETTLING = 20_000

QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True)
class Figures:
    """Figures of one contestant at one rate; times in ms, None for never."""

    contestant: str
    rate: int
    ticks: int
    p50: float | None
    p99: float | None
    p999: float | None
    longest: float | None
    #: Number of ticks that no result reflected in time.
    unseen: int
    #: CPU cores used by the contestant, the broker, load and reader, and other processes.
    cores: float
    broker: float
    load: float
    others: float
    #: Delay from a tick's due time until the broker had it (the load's own share), and the fraction
    #: of ticks with a delay above LATE.
    sent_p50: float | None
    sent_p99: float | None
    sent_late: float


def main() -> None:
    """Measure, print one line per run, write all figures."""
    args = _arguments()
    rows: list[Figures] = []
    missing: dict[str, str] = {}
    machine = describe()
    print(f"{format_machine(machine)}\n\n{_head()}", flush=True)
    with (
        Testbed(partitions=PARTITIONS, windows="5m") as testbed,
        OpenLoop(testbed, args.logs) as loop,
    ):
        settling = (
            [(args.contestants[0], Schedule(SETTLING, args.settle, 0))] if args.settle else []
        )
        runs = [
            (name, Schedule(rate, args.seconds, args.warm_up))
            for name in args.contestants
            for rate in args.rates
        ]
        for number, (name, schedule) in enumerate(settling + runs):
            try:
                measurement = loop.measure(CONTESTANTS[name], schedule, interval=args.interval)
            except Exception as error:  # noqa: BLE001  # the others can still be measured
                missing[f"{name} at {schedule.rate:,}/s"] = f"{type(error).__name__}: {error}"
                print(f"{name} at {schedule.rate:,}/s: {error}", flush=True)
                continue
            if number >= len(settling):
                rows.append(_figures(name, schedule.rate, measurement))
                print(_line(rows[-1]), flush=True)
    args.json.parent.mkdir(exist_ok=True)
    figures = list(map(asdict, rows))
    results = {
        "machine": machine,
        "interval": args.interval,
        "figures": figures,
        "missing": missing,
    }
    args.json.write_text(json.dumps(results, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 20_000, 50_000])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=12.0)
    parser.add_argument(
        "--settle", type=float, default=20.0, help="warm-up of the broker (s), or 0"
    )
    parser.add_argument("--interval", type=int, default=50, help="commit interval (ms)")
    names = ["tickstream", "kafka-streams", "quix"]
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=names)
    parser.add_argument("--json", type=Path, default=Path("bench/results/latency.json"))
    parser.add_argument("--logs", type=Path, help="directory for the contestants' logs")
    return parser.parse_args()


def _figures(name: str, rate: int, measurement: Measurement) -> Figures:
    ticks, shares = measurement
    sent = (ticks["appended"] - ticks["due"]) * 1000
    seen = ((ticks["seen"] - ticks["due"]) * 1000).fill_null(math.inf)
    return Figures(
        contestant=name,
        rate=rate,
        ticks=len(ticks),
        **{at: _quantile(seen, quantile) for at, quantile in QUANTILES.items()},
        longest=_quantile(seen, 1.0),
        unseen=ticks["seen"].null_count(),
        cores=shares.contestant,
        broker=shares.broker,
        load=shares.load,
        others=shares.others,
        sent_p50=_quantile(sent, 0.5),
        sent_p99=_quantile(sent, 0.99),
        sent_late=round(len(sent.filter(sent > LATE)) / max(len(sent), 1), 6),
    )


def _quantile(ms: pl.Series, quantile: float) -> float | None:
    """Return a quantile as the latency of an actual tick; None if that tick was never seen."""
    found = ms.quantile(quantile, "higher")
    return round(found, 1) if found is not None and math.isfinite(found) else None


def _head() -> str:
    columns = (
        "contestant | ticks/s | p50 | p99 | p99.9 | longest (ms) | unseen | cores | broker | load "
        "| others | sent: p50 | p99 (ms) | late"
    )
    return f"| {columns} |\n|{'---|' * (columns.count('|') + 1)}"


def _line(row: Figures) -> str:
    times = (row.p50, row.p99, row.p999, row.longest)
    shares = (row.cores, row.broker, row.load, row.others)
    cells = [
        *(row.contestant, f"{row.rate:,}"),
        *("never" if time is None else time for time in times),
        *(f"{row.unseen:,}", *(f"{share:.2f}" for share in shares)),
        *(row.sent_p50, row.sent_p99, f"{row.sent_late:.2%}"),
    ]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
