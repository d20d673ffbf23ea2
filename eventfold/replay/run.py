"""Replay from start to end: plan, play, read the live outputs, compare."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka import TopicPartition

from eventfold.engine.changelog import new_consumer
from eventfold.engine.table import outputs_of
from eventfold.formats.start import SchemaError, find_all
from eventfold.kafka.admin import committed_offsets
from eventfold.kafka.clients import running
from eventfold.kafka.fetching import install
from eventfold.replay import live
from eventfold.replay.comparison import Difference, TopicSummary, compare
from eventfold.replay.coverage import LIVE_OPEN, Coverage
from eventfold.replay.entries import Entries
from eventfold.replay.errors import ReplayError
from eventfold.replay.history import History, histories
from eventfold.replay.playing import Player
from eventfold.replay.results import Results
from eventfold.replay.shadow import ShadowJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aiokafka import AIOKafkaConsumer

    from eventfold.engine.outputs import Out
    from eventfold.engine.table import StateTable
    from eventfold.replay.selection import Application, Interval, Selection
    from eventfold.settings import Settings


class Watch(Protocol):
    """Interface of a progress display: `done` of `total` offsets."""

    def planned(self, histories: Sequence[History]) -> None:
        """Show what will be read, before reading begins."""

    def replayed(self, done: int, total: int) -> None:
        """Show how much of the history has been read."""

    def compared(self, done: int, total: int) -> None:
        """Show how much of the live topics has been read."""


@dataclass
class Report:
    """Outcome of a replay."""

    interval: Interval
    #: Number of records replayed, and the duration (s).
    records: int
    seconds: float
    histories: list[History]
    topics: dict[str, TopicSummary]
    #: Remarks for the user, clauses without a full stop.
    remarks: list[str] = field(default_factory=list)

    @property
    def compared(self) -> int:
        """The number of results compared."""
        return sum(summary.compared for summary in self.topics.values())

    @property
    def differences(self) -> list[Difference]:
        """All differences, by topic and key."""
        return [each for summary in self.topics.values() for each in summary.differences]


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
            run = _Replay(app, selection, interval, results=results, conf=conf, watch=watch)
            return await run.run(Path(directory), warm_up)
        finally:
            results.close()


class _Replay:
    def __init__(
        self,
        app: Application,
        selection: Selection,
        interval: Interval,
        *,
        results: Results,
        conf: Settings,
        watch: Watch,
    ) -> None:
        self._app = app
        self._selection = selection
        self._interval = interval
        self._results = results
        self._conf = conf
        self._watch = watch
        self._entries = {
            t.name: Entries(t, selection) for t in outputs_of(selection.tables).values()
        }
        self._finalised: dict[tuple[str, int], int] = {}

    async def run(self, directory: Path, warm_up: int | None) -> Report:
        try:
            await find_all(self._selection.tables, self._conf)
        except SchemaError as error:
            raise ReplayError(str(error)) from error
        async with running(new_consumer(self._conf)) as consumer:
            history = await histories(
                consumer, self._selection, self._interval, warm_up=warm_up or 0, conf=self._conf
            )
            self._coverage = Coverage(
                self._selection,
                self._interval,
                history,
                self._finalised,
                warmed=warm_up is not None,
            )
            self._watch.planned(list(history.values()))
            begun = perf_counter()
            with _noting(self._selection.tables, self._entries):
                await self._play(consumer, history, directory)
            seconds = perf_counter() - begun
        self._coverage.committed = await committed_offsets(self._conf)
        await self._read_live(lambda entries, *record: entries.read(*record), self._put_live)
        topics = await self._compare()
        records = sum(each.records for each in history.values())
        report = Report(self._interval, records, seconds, list(history.values()), topics)
        report.remarks = self._remarks(report)
        return report

    # -- the replay's side

    async def _play(
        self,
        consumer: AIOKafkaConsumer,
        history: Mapping[TopicPartition, History],
        directory: Path,
    ) -> None:
        internal = [
            TopicPartition(source.name, number)
            for source in self._selection.sources
            if source.name in self._selection.internal
            for number in range(source.partition_count())
        ]
        journal = ShadowJournal(internal, self._put_replayed)
        player = Player(
            self._app,
            self._selection,
            history,
            journal=journal,
            conf=self._conf,
            directory=directory,
        )

        def read(_: History) -> None:
            total = sum(max(h.expected, h.position) - h.begin for h in history.values())
            self._watch.replayed(_read(history), total)

        await player.play(consumer, read)
        self._finalised |= player.finalised
        self._watch.replayed(_read(history), _read(history))

    def _put_replayed(self, topic: str, partition: int, records: Sequence[Out]) -> None:
        entries = self._entries[topic]
        found = (entries.read(partition, *record) for record in records)
        admits = self._coverage.admits
        kept = [e for e in found if e is not None and admits(entries, e, replayed=True)]
        self._results.put("replayed", kept, log=entries.kind == "log")

    # -- live's side

    async def _read_live(
        self,
        read: Callable[..., Any],
        put: Callable[[Entries, list[Any]], None],
        topics: Iterable[str] | None = None,
    ) -> None:
        names = list(self._entries if topics is None else topics)
        since = self._interval.begin - self._conf.max_ahead
        async with running(new_consumer(self._conf)) as consumer:
            async for topic, partition, records in live.written(
                consumer,
                names,
                since,
                conf=self._conf,
                coverage=self._coverage,
                progress=self._watch.compared,
            ):
                entries = self._entries[topic]
                found = (read(entries, partition, r.key, r.value, r.headers) for r in records)
                put(entries, [each for each in found if each is not None])

    def _put_live(self, entries: Entries, found: list[Any]) -> None:
        admits = self._coverage.admits
        kept = [each for each in found if admits(entries, each, replayed=False)]
        self._results.put("live", kept, log=entries.kind == "log")

    # -- both

    async def _compare(self) -> dict[str, TopicSummary]:
        for topic, entries in self._entries.items():
            if any(getattr(table, "looks_back", False) for table in entries.writers):
                self._coverage.firsts[topic] = self._results.firsts(topic)
        found = compare(self._results.pairs(), self._entries, self._coverage)
        await self._excuse(found)
        return found

    async def _excuse(self, found: Mapping[str, TopicSummary]) -> None:
        """Leave out results that live has, but not final yet, such as with a longer grace."""
        added = {
            (each.topic, each.key, each.identity)
            for summary in found.values()
            for each in summary.differences
            if each.what == "added" and self._entries[each.topic].says_final
        }
        if not added:
            return
        excused: set[tuple[str, str, str]] = set()

        def put(_: Entries, opened: list[Any]) -> None:
            names = {(each.topic, each.key, each.identity) for each in opened}
            excused.update(names & added)

        def read(entries: Entries, partition: int, key: Any, value: Any, _: object) -> Any:
            return entries.read_open(partition, key, value)

        await self._read_live(read, put, {topic for topic, _, _ in added})
        for summary in found.values():
            kept = [e for e in summary.differences if (e.topic, e.key, e.identity) not in excused]
            excess = len(summary.differences) - len(kept)
            if excess:
                summary.left_out[LIVE_OPEN] += excess
                summary.compared -= excess
                summary.differences = kept

    def _remarks(self, report: Report) -> list[str]:
        remarks = []
        for source in self._selection.external:
            committed = self._coverage.committed
            if not any(tp.topic == source.name for tp in committed):
                remarks.append(
                    f"{self._conf.app_id} has never committed an offset of {source.name}: all that "
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
            for name in self._selection.logged - self._selection.internal
            if name in report.topics and report.topics[name].differences
        ]
        remarks += [
            f"{name} differs, and what is made of it was made of the live one: see --rederive"
            for name in sorted(changed)
        ]
        return remarks


def _read(history: Mapping[TopicPartition, History]) -> int:
    return sum(each.position - each.begin for each in history.values())


def _noting(tables: Iterable[StateTable], entries: Mapping[str, Entries]) -> ExitStack:
    """Note the spans of windows whose records lack them in `entries`, until the stack is closed."""
    restoring = ExitStack()
    for table in tables:
        original = list(table.publications)
        table.publications[:] = [
            (topic, partial(_told, make, entries[topic.name]))
            if entries[topic.name].lacks_span
            else (topic, make)
            for topic, make in original
        ]
        restoring.callback(_restore, table, original)
    return restoring


def _restore(table: StateTable, publications: list[Any]) -> None:
    table.publications[:] = publications


def _told(make: Callable[[Any], Any], entries: Entries, result: Any) -> Any:
    record = make(result)
    if record is not None:
        entries.note(record, result.start, result.end)
    return record
