"""Replay from start to end: plan, play, read the live outputs, compare."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventfold.engine.changelog import new_consumer
from eventfold.engine.table import StateTable, outputs_of
from eventfold.formats.start import SchemaError, find_all
from eventfold.harness.kafka import Writes
from eventfold.harness.worker import Application
from eventfold.kafka.admin import committed_offsets
from eventfold.kafka.clients.connections import running
from eventfold.kafka.fetching import install
from eventfold.replay import live
from eventfold.replay.comparison import TopicSummary, compare
from eventfold.replay.coverage import LIVE_OPEN, Coverage
from eventfold.replay.entries import Entries
from eventfold.replay.history import History, histories
from eventfold.replay.player import Player
from eventfold.replay.report import Report
from eventfold.replay.results import Results
from eventfold.replay.selection import Interval, ReplayError, Selection
from eventfold.settings import Settings


class Watch(Protocol):
    """Interface of a progress display: `done` of `total` offsets."""

    def planned(self, histories: Sequence[History]) -> None:
        """Show what will be read, before reading begins."""

    def replayed(self, done: int, total: int) -> None:
        """Show how much of the history has been read."""

    def compared(self, done: int, total: int) -> None:
        """Show how much of the live topics has been read."""


async def replay(
    app: Application,
    selection: Selection,
    interval: Interval,
    *,
    warm_up: int | None,
    conf: Settings,
    watch: Watch,
) -> Report:
    """Replay the events of the interval and compare the results with the live ones.

    `warm_up` (ms) is read before the interval in addition. If it is None, results that may depend
    on older records are compared only if all records there ever were are replayed.

    Nothing is written to Kafka. Raises ReplayError, AdminError, and what aiokafka raises.
    """
    # Raw chunks are faster, and tasks get records in the same form as live.
    install(lambda _: True)
    with TemporaryDirectory(prefix="replay-") as directory:
        results = Results(Path(directory) / "results")
        try:
            run = _Replay(app, selection, interval, results, conf, watch)
            return await run.run(Path(directory), warm_up)
        finally:
            results.close()


@dataclass
class _Replay:
    app: Application
    selection: Selection
    interval: Interval
    results: Results
    conf: Settings
    watch: Watch
    coverage: Coverage = field(init=False)

    def __post_init__(self) -> None:
        outputs = outputs_of(self.selection.tables, self.conf).values()
        self.entries = {topic.name: Entries(topic, self.selection) for topic in outputs}
        self.finalised: dict[tuple[str, int], int] = {}

    async def run(self, directory: Path, warm_up: int | None) -> Report:
        try:
            await find_all(self.selection.tables, self.conf)
        except SchemaError as error:
            raise ReplayError(str(error)) from error
        async with running(new_consumer(self.conf)) as consumer:
            history = await histories(
                consumer, self.selection, self.interval, warm_up=warm_up or 0, conf=self.conf
            )
            self.coverage = Coverage(
                self.selection,
                self.interval,
                history,
                self.finalised,
                warmed=warm_up is not None,
            )
            self.watch.planned(list(history.values()))
            begun = perf_counter()
            with _recording_spans(self.selection.tables, self.entries):
                await self._play(consumer, history, directory)
            seconds = perf_counter() - begun
        self.coverage.committed = await committed_offsets(self.conf)
        await self._read_live(lambda entries, *record: entries.read(*record), self._put_live)
        topics = await self._compare()
        records = sum(each.records for each in history.values())
        report = Report(self.interval, records, seconds, list(history.values()), topics)
        report.remarks = self._remarks(report)
        return report

    # -- the replay's side

    async def _play(
        self,
        consumer: AIOKafkaConsumer,
        history: Mapping[TopicPartition, History],
        directory: Path,
    ) -> None:
        player = Player(
            self.app,
            self.selection,
            history,
            put=self._put_replayed,
            conf=self.conf,
            directory=directory,
        )

        def read(_: History) -> None:
            total = sum(max(h.expected, h.position) - h.begin for h in history.values())
            self.watch.replayed(_read(history), total)

        await player.play(consumer, read)
        self.finalised |= player.finalised
        self.watch.replayed(_read(history), _read(history))

    def _put_replayed(self, topic: str, partition: int, records: Writes) -> None:
        entries = self.entries[topic]
        found = (entries.read(partition, *record) for record in records)
        admits = self.coverage.admits
        kept = [e for e in found if e is not None and admits(entries, e, replayed=True)]
        self.results.put("replayed", kept, log=entries.kind == "log")

    # -- live's side

    async def _read_live(
        self,
        read: Callable[..., Any],
        put: Callable[[Entries, list[Any]], None],
        topics: Iterable[str] | None = None,
    ) -> None:
        names = list(self.entries if topics is None else topics)
        since = self.interval.begin - self.conf.max_ahead
        async with running(new_consumer(self.conf)) as consumer:
            async for topic, partition, records in live.written(
                consumer,
                names,
                since,
                conf=self.conf,
                coverage=self.coverage,
                progress=self.watch.compared,
            ):
                entries = self.entries[topic]
                found = (read(entries, partition, r.key, r.value, r.headers) for r in records)
                put(entries, [each for each in found if each is not None])

    def _put_live(self, entries: Entries, found: list[Any]) -> None:
        admits = self.coverage.admits
        kept = [each for each in found if admits(entries, each, replayed=False)]
        self.results.put("live", kept, log=entries.kind == "log")

    # -- both

    async def _compare(self) -> dict[str, TopicSummary]:
        for topic, entries in self.entries.items():
            if any(table.uses_previous_window for table in entries.writers):
                self.coverage.firsts[topic] = self.results.firsts(topic)
        found = compare(self.results.pairs(), self.entries, self.coverage)
        await self._leave_out_open(found)
        return found

    async def _leave_out_open(self, found: Mapping[str, TopicSummary]) -> None:
        """Leave out results that live has, but not final yet, such as with a longer grace."""
        added = {
            (each.topic, each.key, each.identity)
            for summary in found.values()
            for each in summary.differences
            if each.what == "added" and self.entries[each.topic].has_final
        }
        if not added:
            return
        open_in_live: set[tuple[str, str, str]] = set()

        def put(_: Entries, opened: list[Any]) -> None:
            names = {(each.topic, each.key, each.identity) for each in opened}
            open_in_live.update(names & added)

        def read(entries: Entries, partition: int, key: Any, value: Any, _: object) -> Any:
            return entries.read_open(partition, key, value)

        await self._read_live(read, put, {topic for topic, _, _ in added})
        for summary in found.values():
            kept = [
                e for e in summary.differences if (e.topic, e.key, e.identity) not in open_in_live
            ]
            excess = len(summary.differences) - len(kept)
            if excess:
                summary.left_out[LIVE_OPEN] += excess
                summary.compared -= excess
                summary.differences = kept

    def _remarks(self, report: Report) -> list[str]:
        remarks = []
        for source in self.selection.external:
            committed = self.coverage.committed
            if not any(tp.topic == source.name for tp in committed):
                remarks.append(
                    f"{self.conf.app_id} has never committed an offset of {source.name}: all that "
                    "the replay finds is new"
                )
        remarks += [
            f"{each.tp.topic} has records without a Kafka timestamp, such as offset "
            f"{each.unstamped} of partition {each.tp.partition}: a replay can't find those before "
            "its first record, so windows may lack some"
            for each in report.histories
            if each.unstamped is not None
        ]
        changed = [
            name
            for name in self.selection.logged - self.selection.internal
            if name in report.topics and report.topics[name].differences
        ]
        remarks += [
            f"{name} differs, and what is made of it was made of the live one: see --rederive"
            for name in sorted(changed)
        ]
        return remarks


def _read(history: Mapping[TopicPartition, History]) -> int:
    return sum(each.position - each.begin for each in history.values())


def _recording_spans(tables: Iterable[StateTable], entries: Mapping[str, Entries]) -> ExitStack:
    """Note the spans of windows whose records lack them in `entries`, until the stack is closed."""
    restoring = ExitStack()
    for table in tables:
        original = list(table.publications)
        table.publications[:] = [
            (topic, partial(_record_span, make, entries[topic.name]))
            if entries[topic.name].lacks_span
            else (topic, make)
            for topic, make in original
        ]
        restoring.callback(_restore, table, original)
    return restoring


def _restore(table: StateTable, publications: list[Any]) -> None:
    table.publications[:] = publications


def _record_span(make: Callable[[Any], Any], entries: Entries, result: Any) -> Any:
    record = make(result)
    if record is not None:
        entries.note(record, result.start, result.end)
    return record
