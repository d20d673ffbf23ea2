"""Driver of one partition of a table; its source, changelog and output topics are lists.

It calls the partition as its task does (eventfold/engine/task.py): it folds batches, takes
snapshots, commits them and only then writes them to a real store; after a crash it restores the
store from the changelog and resumes folding at the position in the meta row.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar

import msgspec
from raw_records import Raw

from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.outputs import Out
from eventfold.engine.partition import Snapshot
from eventfold.engine.store import Store, wipe
from eventfold.engine.table import StateTable
from eventfold.engine.task import Task
from eventfold.engine.window_table import WindowTable
from eventfold.native import extension
from eventfold.topics import Topic

T = TypeVar("T")

#: More publications than this in a row, with nothing new to fold, are an endless loop.
MAX_PUBLICATIONS = 5_000


@contextmanager
def using(app: TickApp, *, native: bool) -> Iterator[None]:
    """Run the block with an application's native extension, or with the pure-Python fallback."""
    before, app.tasks.native = app.tasks.native, extension() if native else None
    try:
        yield
    finally:
        app.tasks.native = before


class Written(NamedTuple):
    """A record that a committed transaction wrote."""

    commit: int
    partition: int
    record: Out


class PartitionDriver:
    """A partition of a table over the records of its source; used in `with`."""

    def __init__(
        self,
        app: TickApp,
        table: StateTable,
        path: Path,
        raw: Sequence[Raw],
        *,
        partition: int = 0,
        reports_decode_errors: bool = True,
    ) -> None:
        self.table = table
        self.path = path
        self.raw = raw
        self.reports_decode_errors = reports_decode_errors
        self.task = Task(app.tasks, table.source.name, partition, generation=1)
        #: Committed rows of the changelog (None: a transaction's marker), and outputs.
        self.changelog: list[tuple[bytes, bytes | None] | None] = []
        self.outputs: dict[str, list[Written]] = {}
        self.snapshots: list[Snapshot] = []
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.state.store.close()
        wipe(self.path)

    # -- open, fold, checkpoint, crash

    def _open(self) -> None:
        store = self._restored()
        self.state: Any = self.table.new_state(
            self.task.partition, store, reports_decode_errors=self.reports_decode_errors
        )
        self.state.load()
        position = self.state.restored_position
        self.state.start(self.raw[0].offset if position is None and self.raw else position or 0)
        self.folded = sum(record.offset < self.state.position for record in self.raw)

    def _restored(self) -> Store:
        """Open the store and write the rows of the changelog after its offset."""
        store = Store(self.path)
        # Compacted: the last entry of each row.
        last = {entry[0]: n for n, entry in enumerate(self.changelog) if entry is not None}
        fetched = [
            entry
            for n, entry in enumerate(self.changelog)
            if entry is not None and n >= store.offset and last[entry[0]] == n
        ]
        half = len(fetched) // 2
        for rows in (fetched[:half], fetched[half:]):
            store.write(rows, len(self.changelog), self.table.timed)
        return store

    def crash(self, store: Literal["kept", "lost"] = "kept") -> None:
        """Drop everything that is not committed, and open again."""
        self.state.store.close()
        if store == "lost":
            wipe(self.path)
        self._open()

    def fold(self, count: int, *, again: int = 0) -> None:
        """Fold the next `count` records as one batch, which begins with `again` known records."""
        begin, end = max(self.folded - again, 0), min(self.folded + count, len(self.raw))
        if begin < end:
            self.state.fold(Batch(self.task, self.raw[begin:end]))
            self.folded = end

    def fold_rest(self) -> None:
        """Fold all remaining records."""
        self.fold(len(self.raw))

    def snapshot(self, *, publish: bool = True) -> Snapshot:
        """Take a snapshot; it also publishes if a publication left something, as in a task."""
        return self.state.snapshot(publish=publish or self.state.behind)

    def commit(self, snapshot: Snapshot, *, stored: bool = True) -> None:
        """Commit a snapshot's transaction; then store it, unless a crash comes first."""
        self.changelog += snapshot.rows
        self.changelog.append(None)
        for (topic, partition), records in snapshot.outputs.items():
            written = self.outputs.setdefault(topic, [])
            written += [Written(len(self.snapshots), partition, record) for record in records]
        self.snapshots.append(snapshot)
        if stored:
            self.state.committed(snapshot, len(self.changelog))

    def checkpoint(self, *, publish: bool = True) -> Snapshot:
        """Take a snapshot, commit it and return it."""
        snapshot = self.snapshot(publish=publish)
        self.commit(snapshot)
        return snapshot

    def settle(self) -> None:
        """Fold the rest and checkpoint until there is nothing more to publish."""
        self.fold_rest()
        for _ in range(MAX_PUBLICATIONS):
            if not (self.state.dirty or self.state.behind or self.state.unpublished):
                return
            self.checkpoint()
        raise AssertionError("there is always something more to publish")

    # -- committed records

    def written(self, topic: Topic, value: type[T]) -> list[T]:
        """Return the values written to a topic, in order."""
        return [
            msgspec.json.decode(out.record[1] or b"", type=value)
            for out in self.outputs.get(topic.base_name, [])
        ]

    def sources(self, topic: Topic) -> list[bytes]:
        """Return the headers `source` of a topic, in order."""
        return [dict(out.record[2])["source"] for out in self.outputs.get(topic.base_name, [])]

    def stored_rows(self) -> int:
        """Return how many rows the store has."""
        return sum(1 for _ in self.state.store.keys_between(0))


#: Types of the fixtures: `new_table` makes a table from windows, grace and retention (ms);
#: `drive` opens a partition of a table over the records of its source.
NewTable = Callable[..., WindowTable]
Drive = Callable[..., PartitionDriver]
