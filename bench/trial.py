"""Observation of one run from outside: its output, processes and committed offsets."""

import json
import time
from dataclasses import dataclass
from typing import Self

import polars as pl
from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.contestants import PARTITIONS, Contestant, Run
from bench.output_checks import OutputCheck, Verdict
from bench.program import Program
from bench.progress import Interval, measured
from bench.topic_reader import TopicReader
from tests import truth

#: Seconds between two polls.
POLL_INTERVAL = 0.2

#: Seconds without a result after which the output is checked.
SILENCE = 2.5

#: Time-outs (s) for the first result, and for each later one.
FIRST, STALL = 120.0, 60.0


@dataclass(frozen=True)
class Outcome:
    """Outcome of one run. Without a `rate` there is a `reason`.

    `rate` in ticks/s over the `seconds` after the warm-up, `cpu` in s and the peak of `memory` in
    bytes of all its processes, start-up included; `startup` is the s to the first result.
    """

    ticks: int
    rate: float | None = None
    seconds: float | None = None
    cpu: float | None = None
    memory: int | None = None
    startup: float | None = None
    results: int | None = None
    wrong: int | None = None
    #: Whether the warm-up is included, because all results came at once.
    whole: bool = False
    reason: str | None = None

    def __str__(self) -> str:
        """Format the outcome in one line."""
        if self.rate is None or self.cpu is None or self.memory is None:
            return f"{self.ticks:,} ticks: {self.reason}"
        return (
            f"{self.ticks:,} ticks: {self.rate:,.0f}/s over {self.seconds:.1f} s, "
            f"{self.cpu / self.ticks * 1e6:.1f} CPU-s per million, {self.memory >> 20} MB, "
            f"first result after {self.startup:.1f} s, {self.results:,} results correct"
        )


class Trial:
    """Observer of a run; used in `with`."""

    def __init__(self, contestant: Contestant, run: Run, check: OutputCheck) -> None:
        self._contestant, self._run, self._check = contestant, run, check

    def __enter__(self) -> Self:
        run = self._run
        self._consumer = Consumer(
            {"bootstrap.servers": run.bootstrap, "group.id": run.name, "enable.auto.commit": False}
        )
        known = self._consumer.list_topics(run.output, timeout=10).topics[run.output].partitions
        self._output = [TopicPartition(run.output, number) for number in known]
        self._source = [TopicPartition(run.source, number) for number in range(PARTITIONS)]
        begin = truth.ends(self._consumer, self._output)
        self._size = sum(begin.values())
        self._reader = TopicReader(run.bootstrap, run.output, self._check.schema, begin)
        self._commits: list[tuple[int, int]] = []
        self._cpu, self._memory, self._last_cpu = 0.0, 0, 0.0
        self._startup: float | None = None
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._consumer.close()
        del self._consumer  # it would log that the broker is gone

    def follow(self, program: Program, limit: float) -> Outcome:
        """Observe the run until all results are right, it ends, stalls or exceeds `limit` (s)."""
        begun = changed = time.monotonic()
        verdict: Verdict | None = None
        fresh = False
        while True:
            time.sleep(POLL_INTERVAL)
            ended = program.exit_code is not None
            now = time.monotonic()
            if self._poll(program):
                changed, fresh = now, True
                self._startup = self._startup or now - begun
            silent, out_of_time = now - changed, now - begun > limit
            if ended or out_of_time or (fresh and silent > SILENCE):
                try:
                    verdict = self._check.check(self._reader.read())
                except ValueError as error:
                    return Outcome(self._run.ticks, reason=str(error))
                fresh = False
                if not verdict.wrong:
                    return self._success(program, verdict)
            if ended:
                return self._failure(verdict, f"ended: {program.reason}")
            if out_of_time or silent > (STALL if self._startup else FIRST):
                return self._failure(verdict, f"not right after {now - begun:.0f} s")

    def _poll(self, program: Program) -> bool:
        """Sample the run; return whether the output has grown."""
        usage = program.usage()
        if usage:
            self._cpu = max(self._cpu, usage.cpu)
            self._memory = max(self._memory, usage.rss)
        if self._run.work == "top":
            self._poll_commits()
        size = sum(truth.ends(self._consumer, self._output).values())
        if size == self._size:
            return False
        self._size, self._last_cpu = size, self._cpu
        return True

    def _poll_commits(self) -> None:
        try:
            found = self._consumer.committed(self._source, timeout=5)
        except KafkaException:  # polled again soon
            return
        total = sum(max(each.offset, 0) for each in found)
        if total > (self._commits[-1][1] if self._commits else 0):
            self._commits.append((time.time_ns() // 1_000_000, total))

    def _failure(self, verdict: Verdict | None, reason: str) -> Outcome:
        if verdict is None or self._startup is None:
            return Outcome(self._run.ticks, reason=f"no result, {reason}")
        return Outcome(
            self._run.ticks,
            results=verdict.results,
            wrong=verdict.wrong,
            reason=f"WRONG: {verdict.wrong:,} of {verdict.results:,} "
            f"({verdict.missing:,} missing), {reason}",
        )

    def _success(self, program: Program, verdict: Verdict) -> Outcome:
        cpu = self._last_cpu
        curve, end, total = verdict.curve, verdict.end or 0, verdict.total
        if self._contestant.reports_progress:
            reports = [json.loads(line) for line in program.output.splitlines()]
            curve = _curve([(each["at"], each["seen"]) for each in reports])
            end, total, cpu = reports[-1]["at"], reports[-1]["seen"], reports[-1]["cpu"]
        elif curve is None:
            curve = _curve(self._commits)
        interval = measured(curve, end, total)
        whole = interval is None
        interval = interval or Interval(program.started, 0, end, total)
        return Outcome(
            self._run.ticks,
            rate=interval.rate,
            seconds=(interval.end - interval.begin) / 1000,
            cpu=cpu,
            memory=self._memory,
            startup=self._startup,
            results=verdict.results,
            wrong=0,
            whole=whole,
        )


def _curve(steps: list[tuple[int, int]]) -> pl.DataFrame:
    return pl.DataFrame(steps, schema={"at": pl.Int64, "ticks": pl.Float64}, orient="row")
