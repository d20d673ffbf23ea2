"""Metrics of the engine, updated once a batch or a checkpoint, never once a record.

`gauges.py` has what can be read off the tasks at a scrape. Counters stay when a partition moves to
another worker: they count the work of this process, and removing one would lose what it counted
since the last scrape.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress

from prometheus_client import Counter, Gauge, Histogram

#: Upper bounds (s) of histogram buckets.
CHECKPOINTS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
DELAYS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

records = Counter("eventfold_records_total", "Records folded", ["table", "partition"])
batches = Counter("eventfold_batches_total", "Batches folded", ["table", "partition"])
late = Counter("eventfold_late_total", "Records after their table's grace", ["table", "partition"])
outside = Counter(
    "eventfold_outside_total",
    "Records that no window holds, such as after an exchange's close",
    ["table", "partition"],
)
dead_letters = Counter(
    "eventfold_dead_letters_total",
    "Records that could not be read or processed",
    ["topic", "stage"],
)
lost = Counter(
    "eventfold_lost_to_retention_total",
    "Offsets that the broker deleted before they were folded",
    ["topic", "partition"],
)
published = Counter("eventfold_published_total", "Window results published", ["table", "final"])
split_keys = Counter(
    "eventfold_split_keys_total", "Keys seen in more than one partition", ["table"]
)
lag = Gauge(
    "eventfold_lag_records",
    "Offsets of a source partition that are not folded yet",
    ["topic", "partition"],
)
position = Gauge("eventfold_position_offset", "Next offset to fold", ["topic", "partition"])
checkpoints = Counter("eventfold_checkpoints_total", "Checkpoints", ["topic", "outcome"])
checkpoint_seconds = Histogram(
    "eventfold_checkpoint_seconds",
    "Duration of a checkpoint's transaction, from its snapshot to its commit",
    ["topic"],
    buckets=CHECKPOINTS,
)
changelog_rows = Counter(
    "eventfold_changelog_rows_total",
    "Rows written to a table's changelog, tombstones among them",
    ["table", "partition"],
)
reopened = Counter(
    "eventfold_tasks_reopened_total",
    "Tasks that were lost (fenced, a batch that failed, a broker that was away) and opened again",
    ["topic"],
)
restored_rows = Counter("eventfold_restored_rows_total", "Rows restored", ["table", "partition"])
restore_seconds = Gauge(
    "eventfold_restore_seconds",
    "Duration of the last restore of a partition that is open here",
    ["table", "partition"],
)
standby_lag = Gauge(
    "eventfold_standby_lag_offsets",
    "Offsets of a changelog that its standby here has not read yet",
    ["table", "partition"],
)
loop_delay = Histogram(
    "eventfold_event_loop_delay_seconds",
    "How much later than asked for the event loop woke a sleeper, looked at once a second",
    buckets=DELAYS,
)

#: Stage of a dead letter that can't be decoded; other stages are a table's name, or `timer`.
DECODE = "decode"


def begin(topic: str, partition: int, tables: Iterable[str]) -> None:
    """Create the counters of a partition at 0, so that the first event counts as an increase."""
    number = str(partition)
    stages = [DECODE]
    for table in tables:
        stages.append(table)
        for counter in (records, batches, late, outside, changelog_rows, restored_rows):
            counter.labels(table, number)
        for final in "false", "true":
            published.labels(table, final)
        split_keys.labels(table)
    for stage in stages:
        dead_letters.labels(topic, stage)
    lost.labels(topic, number)
    reopened.labels(topic)
    checkpoint_seconds.labels(topic)
    for outcome in "committed", "failed":
        checkpoints.labels(topic, outcome)


def follow(
    topic: str, partition: int, *, behind: Callable[[], int], reached: Callable[[], int]
) -> None:
    """Read the lag and the position of a partition from these functions at each scrape."""
    lag.labels(topic, str(partition)).set_function(behind)
    position.labels(topic, str(partition)).set_function(reached)


def forget(topic: str, partition: int, tables: Iterable[str]) -> None:
    """Remove the gauges of a partition that is no longer open on this worker."""
    for gauge in (lag, position):
        drop(gauge, topic, partition)
    for table in tables:
        drop(restore_seconds, table, partition)


def drop(gauge: Gauge, name: str, partition: int) -> None:
    """Remove a gauge's series of one partition, if there is one."""
    with suppress(KeyError):
        gauge.remove(name, str(partition))
