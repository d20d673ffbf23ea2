"""PyFlink as a contestant. Run by `environments.python_of("flink")`; imports nothing of ours.

Its environment (`BENCH_...`) and its task are described in `bench/contestants.py`. The pages
named here are those of Flink's documentation, version 2.2.

All of it is SQL: Python states the job, Java does it.
"""

import os
from pathlib import Path

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

SIZE = int(os.environ.get("BENCH_SIZE_MS", "0"))
ADVANCE = int(os.environ.get("BENCH_ADVANCE_MS", "0"))
GRACE = int(os.environ.get("BENCH_GRACE_MS", "0"))
COMMIT = int(os.environ["BENCH_COMMIT_MS"])
BOOTSTRAP = os.environ["BENCH_BOOTSTRAP"]
NAME = os.environ["BENCH_NAME"]
EXACTLY_ONCE = os.environ["BENCH_GUARANTEE"] == "exactly_once"

TICK = "symbol string, price double, `size` int, `time` bigint"

CANDLE = (
    "symbol string, `size` bigint, advance bigint, `start` bigint, `end` bigint, `open` double, "
    "high double, low double, `close` double, volume bigint, `count` bigint"
)


def _interval(ms: int) -> str:
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"interval '{hours // 24} {hours % 24}:{minutes}:{rest / 1000:.3f}' day to second(3)"


#: Columns that windows published on close need.
MOMENT = f""",
    moment as to_timestamp_ltz(`time`, 3),
    watermark for moment as moment - {_interval(GRACE)}
"""

#: The fields of CANDLE over a group of ticks. The first price is in the least text: milliseconds
#: since 1970 have 13 digits. By `first_value` and `last_value` it would cost more: they can't
#: merge, so there is no local aggregation ("Performance Tuning"), nor a hopping window at all.
STAMPED = "concat(cast(`time` as string), ' ', cast(price as string))"
FOLD = (
    f"cast(substring(min({STAMPED}), 15) as double), max(price), min(price), "
    f"cast(substring(max({STAMPED}), 15) as double), sum(cast(`size` as bigint)), count(*)"
)


def main() -> None:
    """Work until SIGTERM: Java ends with the Python that started it."""
    tables = TableEnvironment.create(
        EnvironmentSettings.new_instance()
        .in_streaming_mode()
        .with_configuration(_configuration())
        .build()
    )
    if os.environ["BENCH_WORK"] == "filter":
        job = _source(), _sink(TICK, upsert=False), _filter()
    elif os.environ["BENCH_EMIT"] == "close":
        job = _source(MOMENT), _sink(CANDLE, upsert=False), _closed()
    else:
        job = _source(), _sink(CANDLE, upsert=True), _updates()
    for statement in job:
        done = tables.execute_sql(statement)
    done.wait()


def _configuration() -> Configuration:
    options = {
        "parallelism.default": os.environ["BENCH_THREADS"],
        # "Checkpointing": its durable state, which commits the source's offsets too. The backend
        # is the default one, on the heap: "State Backends", the fastest, if the state fits.
        "execution.checkpointing.interval": f"{COMMIT} ms",
        "execution.checkpointing.dir": Path(os.environ["BENCH_STATE"]).as_uri(),
        # "Checkpointing": no waiting for barriers where records may count twice after a failure.
        "execution.checkpointing.mode": "EXACTLY_ONCE" if EXACTLY_ONCE else "AT_LEAST_ONCE",
        # "Configuration", pipeline.object-reuse: no copies between chained steps.
        "pipeline.object-reuse": "true",
        # "Performance Tuning", MiniBatch Aggregation: one access to the state and one result for
        # each group in a batch. It is the throttle, too.
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": f"{COMMIT} ms",
        "table.exec.mini-batch.size": "100000",
        "table.local-time-zone": "UTC",
    }
    configuration = Configuration()
    for name, value in options.items():
        configuration.set_string(name, value)
    return configuration


def _source(further: str = "") -> str:
    # "Kafka SQL Connector", properties.*: larger polls than of 500 records; a tenth less CPU time.
    return f"""create table ticks ({TICK}{further}) with (
        'connector' = 'kafka',
        'topic' = '{os.environ["BENCH_INPUT"]}',
        'properties.bootstrap.servers' = '{BOOTSTRAP}',
        'properties.group.id' = '{NAME}',
        'properties.isolation.level' = 'read_committed',
        'properties.max.poll.records' = '10000',
        'properties.max.partition.fetch.bytes' = '8388608',
        'scan.startup.mode' = 'earliest-offset',
        'format' = 'json'
    )"""


def _sink(fields: str, *, upsert: bool) -> str:
    # "Upsert Kafka": the sink for results that replace earlier ones of their key, so the window's
    # start is part of the key: with the symbol alone each change of a window
    # would be preceded by a tombstone.
    key = ", primary key (symbol, `start`) not enforced" if upsert else ""
    options = {
        "connector": "upsert-kafka" if upsert else "kafka",
        "topic": os.environ["BENCH_OUTPUT"],
        "properties.bootstrap.servers": BOOTSTRAP,
        "properties.compression.type": "lz4",
        "properties.linger.ms": str(min(20, COMMIT // 10)),
        "properties.batch.size": str(1 << 20),
        "key.format": "json" if upsert else "raw",
        "value.format": "json",
        "sink.delivery-guarantee": "exactly-once" if EXACTLY_ONCE else "at-least-once",
    }
    if not upsert:
        options["key.fields"] = "symbol"
    if EXACTLY_ONCE:
        options["sink.transactional-id-prefix"] = NAME
        # Its default is above what a broker allows.
        options["properties.transaction.timeout.ms"] = "600000"
    settings = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
    return f"create table results ({fields}{key}) with ({settings})"


def _filter() -> str:
    return "insert into results select symbol, price, `size`, `time` from ticks where `size` >= 400"


def _updates() -> str:
    """Return the job that publishes windows as they change.

    A group aggregation ("Group Aggregation"): window functions publish only ended windows.
    """
    ticks, start = "ticks", f"`time` - mod(`time`, {ADVANCE})"
    if ADVANCE < SIZE:
        starts = ", ".join(f"{start} - {back}" for back in range(0, SIZE, ADVANCE))
        ticks, start = f"ticks cross join unnest(array[{starts}]) as windows (first)", "first"
    return f"""insert into results
        select symbol, {SIZE}, {ADVANCE}, `start`, `start` + {SIZE}, {FOLD}
        from (select symbol, price, `size`, `time`, {start} as `start` from {ticks})
        group by symbol, `start`"""  # noqa: S608  # our own numbers


def _closed() -> str:
    """Return the job that publishes each window once ("Window Aggregation", "Window TVF")."""
    window = f"tumble(table ticks, descriptor(moment), {_interval(SIZE)})"
    if ADVANCE < SIZE:
        window = f"hop(table ticks, descriptor(moment), {_interval(ADVANCE)}, {_interval(SIZE)})"
    epoch = "timestamp '1970-01-01 00:00:00'"
    start = f"1000 * cast(timestampdiff(second, {epoch}, window_start) as bigint)"
    return f"""insert into results
        select symbol, {SIZE}, {ADVANCE}, {start}, {start} + {SIZE}, {FOLD}
        from table({window})
        group by symbol, window_start, window_end"""  # noqa: S608  # our own numbers


if __name__ == "__main__":
    main()
