"""One run: the processes, feeds and a reader, the faults of a plan, and then the comparison."""

import asyncio
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import chaos_cases
import chaos_input
import truth
from all_topics import ALL
from changing_rules import Rules
from chaos_cases_check import CasesCheck
from chaos_check import OUTPUTS, Record, Verdict, check, truth_of
from chaos_kafka import OneBroker, ThreeBrokers
from chaos_plan import FEED, Action, Plan
from chaos_processes import Processes
from chaos_traffic import Feed, Reader, dump, read
from crash_run import _uncommitted
from joined_inputs import completion_check
from progress import committed, lag
from workers import Market, send, until

from app.settings import Settings
from eventfold.kafka.admin import ensure_topics

APPLICATION = "chaos"

#: Seconds that each step to completion may take on a busy machine.
PATIENCE = 180.0

#: Sources of the market's pipelines, which have checks of their own.
MARKET = {"ticks", "daily-gains", "surges", "closes"}


@dataclass
class Result:
    """Result of a run."""

    plan: Plan
    verdict: Verdict = field(default_factory=Verdict)
    #: Seconds that each graceful stop took.
    stops: list[float] = field(default_factory=list)
    #: How many of them were undisturbed by other faults.
    undisturbed: int = 0
    seconds: float = 0.0
    #: How many results of the other pipelines were compared.
    others: int = 0

    @property
    def problems(self) -> list[str]:
        """All problems found."""
        return self.verdict.problems

    def __str__(self) -> str:
        found = self.verdict
        return (
            f"seed {self.plan.seed}: {'WRONG' if self.problems else 'right'}; "
            f"{found.ticks:,} ticks, {found.windows:,} windows, {found.wrong_windows} wrong; "
            f"{found.rankings} top-10s, {found.wrong_rankings} wrong; {found.results:,} results, "
            f"{found.duplicates} twice; {found.finals:,} finals; {self.others:,} results of other "
            f"pipelines; {len(self.stops)} stops, "
            f"{self.undisturbed} undisturbed, {max(self.stops, default=0):.1f} s at most; "
            f"{self.seconds:.1f} s; {self.plan}"
        )


def run(plan: Plan, directory: Path) -> Result:
    """Run a plan and compare; logs and data of a run that went wrong are kept in `directory`."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    begun, result = time.monotonic(), Result(plan)
    with ExitStack() as ending:
        environment = _Environment(plan, directory, ending)
        environment.cause_faults()
        environment.await_completion()
        topics = environment.topics()
        result.verdict = check(topics, environment.right)
        result.verdict.problems += environment.check_others()
        result.verdict.problems += environment.problems
        result.others = environment.others
        result.stops, result.undisturbed = (
            environment.processes.stops,
            environment.processes.undisturbed,
        )
    result.seconds = time.monotonic() - begun
    if result.problems:
        _save(result, topics, directory)
    else:
        shutil.rmtree(directory)
    return result


class _Environment:
    """Environment of a run: processes, feeds and reader."""

    def __init__(self, plan: Plan, directory: Path, ending: ExitStack) -> None:
        self._plan = plan
        self._problems: list[str] = []
        self.right = truth_of([])
        self.others = 0
        make = OneBroker if plan.brokers == 1 else ThreeBrokers
        broker = make(directory / "broker", APPLICATION, ending)
        self._bootstrap = broker.bootstrap
        settings = chaos_cases.settings(directory) | {"TOPIC_REPLICATION_FACTOR": broker.replicas}
        self.processes = Processes(broker, directory, APPLICATION, settings, static=plan.static)
        ending.callback(self.processes.end)
        conf = Settings(
            BROKER_URL=broker.bootstrap,
            TICKSTREAM_APP_ID=APPLICATION,
            TOPIC_PARTITIONS=settings["TOPIC_PARTITIONS"],
            TOPIC_REPLICATION_FACTOR=broker.replicas,
        )
        asyncio.run(ensure_topics([topic.of(conf) for topic in ALL], conf))
        self._market = Market(broker.bootstrap, directory)
        self._market.application = APPLICATION
        self._rules = Rules(directory / "rules.db")
        asyncio.run(self._rules.fill())
        self._now = int(time.time() * 1000)
        self._reader = Reader(broker.bootstrap)
        ticks = (("ticks", key, value) for key, value in chaos_input.records(plan))
        others = chaos_cases.records(plan.seed, self._now)
        self._feeds = [
            Feed(broker.bootstrap, ticks, plan.rate),
            Feed(broker.bootstrap, others, len(others) / FEED),
        ]
        self._reader.start()
        ending.callback(self._reader.end)
        for feed in self._feeds:
            ending.callback(feed.end)

    @property
    def problems(self) -> list[str]:
        """Problems beside the results."""
        return (
            self._problems
            + self.processes.problems
            + self._reader.errors
            + [error for feed in self._feeds for error in feed.errors]
        )

    def cause_faults(self) -> None:
        """Cause the faults, each at its time or as soon as possible."""
        for number in range(self._plan.workers):
            self.processes.do(Action(0, "start", number))
        self._await("all workers are ready at first", self.processes.settled)
        for feed in self._feeds:
            feed.start()
        begun = time.monotonic()
        for action in self._plan.actions:
            time.sleep(max(0, begun + action.at - time.monotonic()))
            self.processes.do(action)

    def await_completion(self) -> None:
        """Wait until all ticks are folded, and all but the last windows are final."""
        for feed in self._feeds:
            feed.join()
        self._await("all workers are ready", self.processes.settled)
        self._await("all ticks are committed", self._caught_up)
        closing = list(chaos_input.closing(self._plan))
        now = int(time.time() * 1000)
        send(self._bootstrap, ((key, value, now) for key, value in closing))
        self.right = truth_of(read(self._bootstrap, "ticks"))
        sent = self._feeds[0].sent + len(closing)
        if self.right.records != sent:
            self._problems.append(f"{sent} ticks sent, {self.right.records} are there")
        self._await("all ticks are committed", self._caught_up)
        windows = self.right.windows.select(*truth.WINDOW, "revision").iter_rows()
        expected = {tuple(window): revision for *window, revision in windows}
        self._await("all windows are published", lambda: self._reader.revisions() == expected)
        self._await("all gains are ranked", self._reader.all_ranked)
        surges = len(self.right.surges)
        self._await("all surges are published", lambda: self._reader.count("surges") >= surges)
        signals = len(self.right.signals)
        self._await(
            "all signals are published", lambda: self._reader.count("trend-signals") >= signals
        )
        marks = completion_check(self._market, *chaos_cases.marks(self._now), sources=self._sources)
        self._await("the other pipelines are done", marks)
        self._await("all workers are members of the group", self.processes.all_are_members)
        self.processes.stop_all()

    def _await(self, condition_name: str, condition: Callable[[], bool]) -> None:
        try:
            until(condition, PATIENCE)
        except TimeoutError:
            self._problems.append(f"not in {PATIENCE:.0f} s: {condition_name}")

    def _caught_up(self) -> bool:
        return lag(self._bootstrap, APPLICATION, "ticks") == 0

    @property
    def _sources(self) -> list[str]:
        """The sources of all tables but the market's, intermediate topics included."""
        return [name for name in self.processes.sources if name not in MARKET]

    def check_others(self) -> list[str]:
        """Compare the output of the other pipelines; return the problems."""
        left = _uncommitted(self._market, self._sources)
        found = CasesCheck(self._market, self._rules.rows)
        self.others = found.compared
        return [*found.problems, *([f"not committed at the end: {left}"] if left else [])]

    def topics(self) -> dict[str, list[Record]]:
        """Return all results; note a problem if they are not those that the reader saw."""
        left = lag(self._bootstrap, APPLICATION, "ticks")
        if left:
            self._problems.append(f"{left} ticks are not committed at the end")
        found = {topic: read(self._bootstrap, topic) for topic in OUTPUTS}
        # The end of the topic is after the marker of its last transaction.
        gains = 1 + max((gain.offset for gain in found["daily-gains"]), default=-1)
        if committed(self._bootstrap, APPLICATION, "daily-gains") < gains:
            self._problems.append("not all daily gains are committed at the end")
        seen = self._reader.end()
        for topic, records in found.items():
            if _in_order(seen[topic]) != _in_order(records):
                self._problems.append(f"{topic}: what a reader saw is not what is there")
        return found


def _in_order(records: list[Record]) -> list[Record]:
    # Records of one partition are in order; a reader sees the partitions in turns.
    return sorted(records, key=lambda record: record.partition)


def _save(result: Result, topics: dict[str, list[Record]], directory: Path) -> None:
    report = [str(result), "", *map(str, result.plan.actions), "", *result.problems]
    (directory / "report.txt").write_text("\n".join(report) + "\n")
    for topic, records in topics.items():
        (directory / f"{topic}.jsonl").write_text(dump(records))
