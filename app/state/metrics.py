"""What the engine counts. Added to once a batch or a checkpoint, never once a record."""

from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Counter, Gauge, Histogram

records = Counter("tickstream_records_total", "Records folded", ["table", "partition"])
batches = Counter("tickstream_batches_total", "Batches folded", ["table", "partition"])
late = Counter("tickstream_late_total", "Records after their table's grace", ["table", "partition"])
outside = Counter(
    "tickstream_outside_total",
    "Records that no window holds, such as after an exchange's close",
    ["table", "partition"],
)
dead_letters = Counter(
    "tickstream_dead_letters_total",
    "Records that could not be read or processed",
    ["topic", "stage"],
)
lost = Counter(
    "tickstream_lost_to_retention_total",
    "Offsets that the broker deleted before they were folded",
    ["topic", "partition"],
)
published = Counter("tickstream_published_total", "Window results published", ["table", "final"])
split_keys = Counter(
    "tickstream_split_keys_total", "Keys seen in more than one partition", ["table"]
)
stream_time = Gauge(
    "tickstream_stream_time_seconds", "Highest event time accepted", ["table", "partition"]
)
lag = Gauge("tickstream_lag_records", "Records not fetched yet", ["topic", "partition"])
position = Gauge("tickstream_position_offset", "Next offset to fold", ["topic", "partition"])
checkpoints = Counter("tickstream_checkpoints_total", "Checkpoints", ["topic", "outcome"])
checkpoint_seconds = Histogram(
    "tickstream_checkpoint_seconds",
    "Duration of a checkpoint's transaction",
    ["topic"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
restored_rows = Counter("tickstream_restored_rows_total", "Rows restored", ["table", "partition"])
restore_seconds = Gauge(
    "tickstream_restore_seconds", "Duration of the last restore", ["table", "partition"]
)
restore_left = Gauge(
    "tickstream_restore_left_offsets",
    "Offsets of a changelog that a restore under way has not read yet",
    ["table", "partition"],
)
standby_lag = Gauge(
    "tickstream_standby_lag_offsets",
    "Offsets of a changelog that its standby here has not read yet",
    ["table", "partition"],
)
tasks = Gauge("tickstream_tasks", "Tasks of this worker by state", ["state"])
rule_queries = Counter(
    "tickstream_rule_queries_total", "Statements sent to the database of the rules"
)
bad_rules = Counter("tickstream_bad_rules_total", "Rows of the database that are no rules")
rules_version = Gauge("tickstream_rules_version", "Version of the rules that was published last")


def forget(topic: str, partition: int, tables: Iterable[str]) -> None:
    """Drop the gauges of a partition that is another worker's now."""
    for gauge in (lag, position):
        drop(gauge, topic, partition)
    for table in tables:
        drop(stream_time, table, partition)


def drop(gauge: Gauge, name: str, partition: int) -> None:
    """Drop the series of one partition, if there is one."""
    with suppress(KeyError):
        gauge.remove(name, str(partition))
