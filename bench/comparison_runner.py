"""Runner of the comparison: a broker, topics of ticks, the expected results.

with ComparisonRunner(directory) as runner:
    runner.fill(symbols=500, step=10, counts={5_000_000, 100_000}, own=5_000_000)
    outcome = runner.measure(contestant, workload, ticks=5_000_000, conditions=Conditions())
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

import polars as pl
from confluent_kafka.admin import AdminClient, NewTopic

from bench.contestants import PARTITIONS, TICKS, TOP_GAINERS, Contestant, Run
from bench.output_checks import OutputCheck, new_check
from bench.program import Program, patient_node, pin, pinned
from bench.ticks import fill
from bench.topic_reader import TopicReader
from bench.trial import Outcome, Trial
from bench.workloads import Workload
from eventfold.embedded import LocalBroker

BROKER_CORE, CONTESTANT_CORE = 0, 1

TICK = {"symbol": pl.String(), "price": pl.Float64(), "size": pl.Int64(), "time": pl.Int64()}

#: All times of the comparison are by the broker's clock.
STAMPED = {"message.timestamp.type": "LogAppendTime"}


class Conditions(NamedTuple):
    """Conditions of all runs: commit and publish interval (ms), guarantee, longest run (s)."""

    interval: int = 1_000
    guarantee: str = "at_least_once"
    limit: float = 600.0


class ComparisonRunner:
    """Runner with a broker on its own core; keeps the contestants' logs in `logs`."""

    def __init__(self, directory: Path, logs: Path | None = None) -> None:
        self._directory, self._logs = directory, logs or directory / "logs"
        self._broker = LocalBroker(directory / "kafka", node=patient_node())
        self._ticks = pl.DataFrame(schema=TICK)
        self._topics: dict[int, str] = {}
        self._checks: dict[tuple[str, str, int], OutputCheck] = {}
        self._runs = 0

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._broker.start()
        self._admin = AdminClient(
            # Don't log the lost connection when the broker is stopped.
            {"bootstrap.servers": self._broker.bootstrap, "log_level": 3}
        )
        return self

    def __exit__(self, *_exc_info: object) -> None:
        del self._admin  # it would log that the broker is gone
        self._broker.stop()

    def fill(self, *, symbols: int, step: int, counts: Iterable[int], own: int | None) -> None:
        """Write a topic for each count of ticks; a smaller one has the first ticks of a larger one.

        The topic of the count `own` has the name that tickstream reads.
        """
        for count in sorted(set(counts)):
            topic = TICKS if count == own else f"{TICKS}-{count}"
            print(f"writing {count:,} ticks of {symbols:,} symbols ...", flush=True)
            self._create(topic)
            fill(self._broker.bootstrap, topic, count, symbols=symbols, step=step)
            self._topics[count] = topic
        reader = TopicReader(self._broker.bootstrap, topic, TICK, stamped=False)
        self._ticks = reader.read().select(list(TICK)).sort("time")
        if self._broker.pid:
            pin(self._broker.pid, BROKER_CORE)

    def measure(
        self, contestant: Contestant, workload: Workload, ticks: int, conditions: Conditions
    ) -> Outcome:
        """Run a contestant until all results are right, or it has failed."""
        self._runs += 1
        name = f"{contestant.name}-{workload.name}-{self._runs}"
        work = contestant.work or workload.work
        topic = contestant.output(work)
        run = Run(
            workload=workload,
            work=work,
            bootstrap=self._broker.bootstrap,
            name=name,
            source=self._topics[ticks],
            output=f"{name}.{topic or 'output'}",
            ticks=ticks,
            state=self._directory / "state",
            interval=conditions.interval,
            guarantee=conditions.guarantee,
        )
        shutil.rmtree(run.state, ignore_errors=True)
        run.state.mkdir()
        if topic == TOP_GAINERS:
            self._create(run.output, partitions=1, **{"cleanup.policy": "compact"})
        else:
            self._create(run.output)
        check = self._check(work, workload, ticks)
        try:
            argv = contestant.command()
        except Exception as error:  # noqa: BLE001 - the others can still be measured
            return Outcome(ticks, reason=f"{type(error).__name__}: {error}")
        log = self._logs / f"{name}.log"
        program = Program(argv, contestant.environment_of(run), log, core=CONTESTANT_CORE)
        # The observer must not use the contestant's core.
        with pinned(BROKER_CORE), Trial(contestant, run, check) as trial, program:
            return trial.follow(program, conditions.limit)

    def _check(self, work: str, workload: Workload, ticks: int) -> OutputCheck:
        key = work, workload.name, ticks
        if key not in self._checks:
            self._checks[key] = new_check(work, workload, self._ticks.head(ticks))
        return self._checks[key]

    def _create(self, topic: str, partitions: int = PARTITIONS, **config: str) -> None:
        new = NewTopic(topic, partitions, 1, config=STAMPED | config)
        for future in self._admin.create_topics([new]).values():
            future.result(30)
