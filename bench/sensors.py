"""Detection of anomalies in labelled series of sensors with the settings of this process.

The data are the Numenta Anomaly Benchmark, which is not part of this repository: a checkout of it
(`git clone https://github.com/numenta/NAB`) is the argument. Each series is one machine with one
sensor; its readings go through the pipeline `maintenance` in the order of the file, in one process
and without a broker, and a day without the machine follows.

- Found: windows of `labels/combined_windows.json` with at least one alert (drift, spike, silence)
  at an event time inside them, both ends included.
- False alarms: alerts outside all windows, for each week of the series that is in no window.
- Row: the largest state of the machine that was written, in bytes.

usage: sensors.py NAB [--group realKnownCause] [--alerts]
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from app import app
from app.maintenance.records import Maintenance, Reading
from app.maintenance.topics import MAINTENANCE, READINGS
from eventfold.testing import TopologyDriver
from tables.machines import machines

DAY = 86_400_000
WEEK = 7 * DAY
#: Readings piped at a time.
CHUNK = 1_000

Window = tuple[int, int]


class Outcome(NamedTuple):
    """Alerts for one series, beside its labels."""

    windows: list[Window]
    alerts: list[Maintenance]
    #: Weeks of the series outside its windows.
    weeks: float
    #: Bytes of the machine's largest row.
    row: int

    def is_false(self, alert: Maintenance) -> bool:
        """Return whether an alert is outside all windows."""
        return not any(first <= alert.time <= last for first, last in self.windows)

    @property
    def found(self) -> int:
        """The number of windows with an alert."""
        return sum(
            any(first <= alert.time <= last for alert in self.alerts)
            for first, last in self.windows
        )

    @property
    def false_alarms(self) -> list[Maintenance]:
        """The alerts outside all windows."""
        return [alert for alert in self.alerts if self.is_false(alert)]


def milliseconds(text: str) -> int:
    """Return a time of the data set, which has no zone, as ms since the epoch in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def readings(path: Path) -> Iterator[Reading]:
    """Yield the rows of a series, `timestamp,value`, as readings of one machine."""
    with path.open() as lines:
        next(lines)
        for line in lines:
            time, value = line.strip().split(",")
            yield Reading("machine", {"value": float(value)}, milliseconds(time))


def judge(path: Path, windows: list[Window]) -> Outcome:
    """Run the pipeline with a series."""
    times, row = [], 0
    source = readings(path)
    with TopologyDriver(app, tables=[machines], partitions=1) as driver:
        while chunk := list(islice(source, CHUNK)):
            times += [reading.time for reading in chunk]
            driver.pipe(READINGS, *chunk)
            driver.settle()
            row = max(row, len(msgspec.msgpack.encode(machines.state_of("machine"))))
        # Stream time passes the last reading by a day: all of them are handled.
        driver.pipe(READINGS, Reading("other", {}, max(times) + DAY))
        driver.settle()
        found = driver.topic(MAINTENANCE)
    alerts = [each for each in found if each.kind != "back" and each.time <= max(times)]
    labelled = sum(last - first for first, last in windows)
    return Outcome(windows, alerts, (max(times) - min(times) - labelled) / WEEK, row)


def main() -> None:
    """Print a line for each series, and the alerts if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="checkout of numenta/NAB")
    parser.add_argument("--group", default="realKnownCause", help="directory of series in data/")
    parser.add_argument("--alerts", action="store_true", help="print each alert")
    options = parser.parse_args()
    labels = json.loads((options.data / "labels" / "combined_windows.json").read_text())
    print(f"{'series':<48}{'found':>7}{'alerts':>8}{'false/week':>12}{'row':>7}  false alarms")
    for name, pairs in labels.items():
        if not name.startswith(options.group):
            continue
        windows = [(milliseconds(first), milliseconds(last)) for first, last in pairs]
        outcome = judge(options.data / "data" / name, windows)
        rate = len(outcome.false_alarms) / outcome.weeks
        kinds = Counter(alert.kind for alert in outcome.false_alarms)
        found = f"{outcome.found}/{len(windows)}"
        print(
            f"{Path(name).stem:<48}{found:>7}{len(outcome.alerts):>8}{rate:>12.1f}{outcome.row:>7}"
            f"  {', '.join(f'{kind} {number}' for kind, number in kinds.most_common())}",
            flush=True,
        )
        for alert in outcome.alerts if options.alerts else ():
            at = datetime.fromtimestamp(alert.time / 1000, UTC)
            mark = " " if outcome.is_false(alert) else "*"
            print(f"  {mark} {at:%Y-%m-%d %H:%M} {alert.explanation}")


if __name__ == "__main__":
    main()
