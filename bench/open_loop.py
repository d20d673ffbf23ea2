"""Open-loop measurement of one contestant: start it, send a schedule of ticks, read results.

with OpenLoop(testbed) as loop:
    measurement = loop.measure(contestant, Schedule(20_000, seconds=30, warm_up=12), interval=50)
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Self

import polars as pl
import psutil
import stamina
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from bench.contestants import CANDLES, TICKS, Contestant, Run
from bench.program import Program, pin, pinned
from bench.schedule import Schedule, Sender, tick
from bench.testbed import Testbed
from bench.visibility import VisibilityReader, appended
from bench.workloads import WORKLOADS

#: Cores of broker, load and reader, and of the contestant. The load is small compared with the
#: broker, and nothing but its own work delays a contestant.
SHARED_CORE, CONTESTANT_CORE = 0, 1

#: Windows of 5 min.
WORKLOAD = WORKLOADS["tumbling"]

#: Symbols sent before the load: a contestant has started when it has results of all of them.
PROBES = [f"PROBE{number}" for number in range(12)]

#: Time-outs (s) of a contestant's first results, and of its last ones.
START_TIMEOUT, DRAIN_TIMEOUT = 90.0, 15.0

#: Seconds between two polls of the contestant.
POLL_INTERVAL = 0.05


class Shares(NamedTuple):
    """CPU cores used while the measured ticks were sent, or CPU seconds so far.

    `load` is of sender and reader, `others` of processes outside the measurement: the more they
    use, the less reliable are the latencies.
    """

    contestant: float
    broker: float
    load: float
    others: float


class Measurement(NamedTuple):
    """Result of a measurement.

    `ticks` are those after the warm-up, in order, with the times (s since the epoch) `due`,
    `appended` (to the topic of ticks) and `seen` (first reflected by a result; null for never).
    """

    ticks: pl.DataFrame
    shares: Shares


class OpenLoop:
    """Testbed whose broker shares a core with this process; keeps logs in `logs`."""

    def __init__(self, testbed: Testbed, logs: Path | None = None) -> None:
        self._scene = testbed
        self._bootstrap = testbed.bootstrap
        self._logs = logs
        self._core = pinned(SHARED_CORE)
        self._runs = 0

    def __enter__(self) -> Self:
        # The broker stamps each tick with the clock of all other times.
        self._scene.configure(TICKS, message_timestamp_type="LogAppendTime")
        pin(self._scene.broker.pid or 0, SHARED_CORE)
        self._core.__enter__()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._core.__exit__(None, None, None)

    def measure(self, contestant: Contestant, schedule: Schedule, *, interval: int) -> Measurement:
        """Run a contestant that commits every `interval` ms.

        Raises RuntimeError if it ends by itself, TimeoutError if it does not start, and whatever
        its command raises if it is not installed.
        """
        command = contestant.command()
        self._empty()
        self._runs += 1
        name = f"{contestant.name}-{self._runs}"
        log = self._scene.directory / f"{name}.log"
        output = f"{name}.{CANDLES}"
        self._create(output)
        reader = VisibilityReader(self._bootstrap, output)
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as state:
                run = self._run(name, Path(state), interval, schedule, output)
                environment = contestant.environment_of(run)
                with Program(command, environment, log, core=CONTESTANT_CORE) as program:
                    self._wait_started(reader, program)
                    start, shares = self._load(reader, program, schedule)
            seen = reader.latencies(appended(self._bootstrap, TICKS, schedule.ticks(start)))
        finally:
            reader.close()
            if self._logs:
                self._logs.mkdir(parents=True, exist_ok=True)
                shutil.copy(log, self._logs)
        return Measurement(seen.filter("counts"), shares)

    def _run(self, name: str, state: Path, interval: int, schedule: Schedule, output: str) -> Run:
        return Run(
            workload=WORKLOAD,
            work=WORKLOAD.work,
            bootstrap=self._bootstrap,
            name=name,
            source=TICKS,
            output=output,
            ticks=schedule.count,
            state=state,
            interval=interval,
            guarantee="exactly_once",
        )

    def _wait_started(self, reader: VisibilityReader, program: Program) -> None:
        """Wait until the contestant has a result of each probe."""
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "partitioner": "murmur2_random", "log_level": 2}
        )
        for symbol in PROBES:
            producer.produce(TICKS, tick(symbol, 1.0, 1, int(time.time() * 1000)), symbol)
        producer.flush()
        deadline = time.monotonic() + START_TIMEOUT
        while not {symbol for symbol, _ in reader.counts}.issuperset(PROBES):
            _check_running(program)
            if time.monotonic() > deadline:
                raise TimeoutError(f"no results after {START_TIMEOUT:.0f} s: {program.reason}")
            reader.read(POLL_INTERVAL)

    def _load(
        self, reader: VisibilityReader, program: Program, schedule: Schedule
    ) -> tuple[float, Shares]:
        """Send the ticks and read results until all are seen, or DRAIN_TIMEOUT has passed.

        Returns the due time of the first tick (s since the epoch) and the CPU cores used.
        """
        with Sender(self._bootstrap, TICKS, schedule) as sender:
            ours = [psutil.Process(), sender.process]
            begin = sender.start + schedule.warm_up
            _read_until(begin, reader, program)
            before = self._used(program, ours)
            _read_until(begin + schedule.seconds, reader, program)
            after = self._used(program, ours)
            shares = [(b - a) / schedule.seconds for a, b in zip(before, after, strict=True)]
            while sender.running:
                reader.read(POLL_INTERVAL)
        total, deadline = schedule.count + len(PROBES), time.time() + DRAIN_TIMEOUT
        while sum(reader.counts.values()) < total and time.time() < deadline:
            _read_until(time.time() + 1, reader, program)
        return sender.start, Shares(*(round(share, 3) for share in shares))

    def _used(self, program: Program, ours: list[psutil.Process]) -> Shares:
        machine, usage = psutil.cpu_times(), program.usage()
        broker = psutil.Process(self._scene.broker.pid)
        contestant = usage.cpu if usage else 0.0
        of_broker, load = (sum(sum(p.cpu_times()[:2]) for p in part) for part in ([broker], ours))
        whole = machine.user + machine.nice + machine.system
        return Shares(contestant, of_broker, load, whole - contestant - of_broker - load)

    @stamina.retry(on=KafkaException, timeout=30)
    def _create(self, topic: str) -> None:
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 2})
        new = NewTopic(topic, len(self._scene.partitions), 1)
        admin.create_topics([new])[topic].result(30)

    def _empty(self) -> None:
        """Delete all ticks, so that a new contestant starts with the next ones."""
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 2})
        to_the_end = [TopicPartition(TICKS, number, -1) for number in self._scene.partitions]
        for future in admin.delete_records(to_the_end).values():
            future.result(30)


def _read_until(moment: float, reader: VisibilityReader, program: Program) -> None:
    while time.time() < moment:
        reader.read(POLL_INTERVAL)
        _check_running(program)


def _check_running(program: Program) -> None:
    if program.exit_code is not None:
        raise RuntimeError(f"it ended with {program.exit_code}: {program.reason}")
