"""Setting of the comparison: a broker, topics of ticks, the expected results.

with Arena(directory) as arena:
    arena.fill(symbols=500, step=10, counts={5_000_000, 100_000}, own=5_000_000)
    outcome = arena.measure(contestant, workload, ticks=5_000_000, conditions=Conditions())
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import polars as pl
from confluent_kafka.admin import AdminClient, NewTopic

from bench.contestants import PARTITIONS, TICKS, TOP_GAINERS, Contestant, Run
from bench.judges import Judge, judge_of
from bench.market import fill
from bench.reading import Reader
from bench.running import Program, patient_node, pin, pinned
from bench.trial import Outcome, Trial
from bench.workloads import Workload
from eventfold.embedded import LocalBroker

BROKER_CORE, CONTESTANT_CORE = 0, 1

TICK = {"symbol": pl.String(), "price": pl.Float64(), "size": pl.Int64(), "time": pl.Int64()}

#: Stamped by the broker: its clock is that of the comparison.
STAMPED = {"message.timestamp.type": "LogAppendTime"}


class Conditions(NamedTuple):
    """Conditions of all runs: commit and publish interval (ms), guarantee, longest run (s)."""

    interval: int = 1_000
    guarantee: str = "at_least_once"
    limit: float = 600.0


class Arena:
    """A broker on a core of its own. `logs` is where contestants' logs are kept."""

    def __init__(self, directory: Path, logs: Path | None = None) -> None:
        self._directory, self._logs = directory, logs or directory / "logs"
        self._broker = LocalBroker(directory / "kafka", node=patient_node())
        self._ticks = pl.DataFrame(schema=TICK)
        self._topics: dict[int, str] = {}
        self._judges: dict[tuple[str, str, int], Judge] = {}
        self._runs = 0

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._broker.start()
        self._admin = AdminClient(
            # That it is cut off when the broker is stopped is no news.
            {"bootstrap.servers": self._broker.bootstrap, "log_level": 3}
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del self._admin  # it would log that the broker is gone
        self._broker.stop()

    def fill(self, *, symbols: int, step: int, counts: Iterable[int], own: int | None) -> None:
        """Write a topic for each count of ticks: the fewer are the first of the more.

        That of the count `own` has the name of the topic that tickstream reads.
        """
        for count in sorted(set(counts)):
            topic = TICKS if count == own else f"{TICKS}-{count}"
            print(f"writing {count:,} ticks of {symbols:,} symbols ...", flush=True)
            self._create(topic)
            fill(self._broker.bootstrap, topic, count, symbols=symbols, step=step)
            self._topics[count] = topic
        all_of_them = Reader(self._broker.bootstrap, topic, TICK, stamped=False)
        self._ticks = all_of_them.read().select(list(TICK)).sort("time")
        if self._broker.pid:
            pin(self._broker.pid, BROKER_CORE)

    def measure(
        self, contestant: Contestant, workload: Workload, ticks: int, conditions: Conditions
    ) -> Outcome:
        """Run a contestant until all is right, or it is clear that it won't be."""
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
        judge = self._judge(work, workload, ticks)
        try:
            argv = contestant.command()
        except Exception as error:  # noqa: BLE001 - whatever it is, the others can be measured
            return Outcome(ticks, reason=f"{type(error).__name__}: {error}")
        log = self._logs / f"{name}.log"
        program = Program(argv, contestant.environment_of(run), log, core=CONTESTANT_CORE)
        # Who looks on is not to take of the contestant's core.
        with pinned(BROKER_CORE), Trial(contestant, run, judge) as trial, program:
            return trial.follow(program, conditions.limit)

    def _judge(self, work: str, workload: Workload, ticks: int) -> Judge:
        what = work, workload.name, ticks
        if what not in self._judges:
            self._judges[what] = judge_of(work, workload, self._ticks.head(ticks))
        return self._judges[what]

    def _create(self, topic: str, partitions: int = PARTITIONS, **config: str) -> None:
        new = NewTopic(topic, partitions, 1, config=STAMPED | config)
        for future in self._admin.create_topics([new]).values():
            future.result(30)
