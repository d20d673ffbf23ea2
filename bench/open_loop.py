"""One contestant under a schedule of ticks: started, loaded, watched as a reader would.

with OpenLoop(scene) as loop:
    answer = loop.measure(contestant, Schedule(20_000, seconds=30, warm_up=12), interval=50)
"""

import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import polars as pl
import psutil
import stamina
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from bench.contestants import CANDLES, TICKS, Contestant, Run
from bench.running import Program, pin, pinned
from bench.scene import Scene
from bench.schedule import Schedule, Sender, tick
from bench.visible import Reader, appended
from bench.workloads import WORKLOADS

#: Cores: of broker, load and reader; of the contestant. The load is small beside the broker, and
#: nothing but its own work holds a contestant up.
OURS, THEIRS = 0, 1

#: Windows of 5 min.
WORKLOAD = WORKLOADS["tumbling"]

#: Symbols sent before the load: with results of all of them a contestant has begun.
PROBES = [f"PROBE{number}" for number in range(12)]

#: Seconds that a contestant may take to begin, and to show the last tick.
BEGIN, DRAIN = 90.0, 15.0

#: Seconds between two looks at the contestant.
LOOK = 0.05


class Shares(NamedTuple):
    """Processor seconds a second, while the ticks that count were sent, or in all.

    `load` is of sender and reader, `others` of what has no part in the measurement: the more of
    that, the less the times mean.
    """

    contestant: float
    broker: float
    load: float
    others: float


class Answer(NamedTuple):
    """Result of a measurement.

    `ticks` are those after the warm-up, in order: `due`, `appended` (in the topic of ticks), and
    `seen`: when a result first reflected them, null for never (all s since the epoch).
    """

    ticks: pl.DataFrame
    shares: Shares


class OpenLoop:
    """The place: its broker, and this process, share a core. `logs` is where logs are kept."""

    def __init__(self, scene: Scene, logs: Path | None = None) -> None:
        self._scene = scene
        self._bootstrap = scene.bootstrap
        self._logs = logs
        self._core = pinned(OURS)
        self._runs = 0

    def __enter__(self) -> Self:
        # The broker stamps when a tick was there, by the clock that all go by.
        self._scene.configure(TICKS, message_timestamp_type="LogAppendTime")
        pin(self._scene.broker.pid or 0, OURS)
        self._core.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._core.__exit__(kind, error, trace)

    def measure(self, contestant: Contestant, schedule: Schedule, *, interval: int) -> Answer:
        """Run a contestant that commits every `interval` ms.

        Raises RuntimeError where it ends by itself, TimeoutError where it does not begin, and
        whatever its command raises where it is not installed.
        """
        command = contestant.command()
        self._empty()
        self._runs += 1
        name = f"{contestant.name}-{self._runs}"
        log = self._scene.directory / f"{name}.log"
        output = f"{name}.{CANDLES}"
        self._create(output)
        reader = Reader(self._bootstrap, output)
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as state:
                run = self._run(name, Path(state), interval, schedule, output)
                environment = contestant.environment_of(run)
                with Program(command, environment, log, core=THEIRS) as program:
                    self._begin(reader, program)
                    start, shares = self._load(reader, program, schedule)
            seen = reader.latencies(appended(self._bootstrap, TICKS, schedule.ticks(start)))
        finally:
            reader.close()
            if self._logs:
                self._logs.mkdir(parents=True, exist_ok=True)
                shutil.copy(log, self._logs)
        return Answer(seen.filter("counts"), shares)

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

    def _begin(self, reader: Reader, program: Program) -> None:
        """Wait until the contestant has shown a tick of each probe."""
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "partitioner": "murmur2_random", "log_level": 2}
        )
        for symbol in PROBES:
            producer.produce(TICKS, tick(symbol, 1.0, 1, int(time.time() * 1000)), symbol)
        producer.flush()
        deadline = time.monotonic() + BEGIN
        while not {symbol for symbol, _ in reader.counts}.issuperset(PROBES):
            _demand(program)
            if time.monotonic() > deadline:
                raise TimeoutError(f"no results after {BEGIN:.0f} s: {program.reason}")
            reader.read(LOOK)

    def _load(self, reader: Reader, program: Program, schedule: Schedule) -> tuple[float, Shares]:
        """Send the ticks and read results until all are seen, or DRAIN has passed.

        Returns when the first tick was due (s since the epoch).
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
                reader.read(LOOK)
        total, deadline = schedule.count + len(PROBES), time.time() + DRAIN
        while sum(reader.counts.values()) < total and time.time() < deadline:
            _read_until(time.time() + 1, reader, program)
        return sender.start, Shares(*(round(share, 3) for share in shares))

    def _used(self, program: Program, ours: list[psutil.Process]) -> Shares:
        machine, usage = psutil.cpu_times(), program.usage()
        broker = psutil.Process(self._scene.broker.pid)
        broker_and_load = [sum(sum(p.cpu_times()[:2]) for p in part) for part in ([broker], ours)]
        known = [usage.cpu if usage else 0.0, *broker_and_load]
        return Shares(*known, machine.user + machine.nice + machine.system - sum(known))

    @stamina.retry(on=KafkaException, timeout=30)
    def _create(self, topic: str) -> None:
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 2})
        new = NewTopic(topic, len(self._scene.partitions), 1)
        admin.create_topics([new])[topic].result(30)

    def _empty(self) -> None:
        """Delete all ticks: who starts from the earliest starts here."""
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 2})
        to_the_end = [TopicPartition(TICKS, number, -1) for number in self._scene.partitions]
        for future in admin.delete_records(to_the_end).values():
            future.result(30)


def _read_until(moment: float, reader: Reader, program: Program) -> None:
    while time.time() < moment:
        reader.read(LOOK)
        _demand(program)


def _demand(program: Program) -> None:
    if program.exit_code is not None:
        raise RuntimeError(f"it ended with {program.exit_code}: {program.reason}")
