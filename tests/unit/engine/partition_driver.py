"""One partition of a table, alone between a topic and a Kafka that are lists.

It is driven as its task drives it (eventfold/engine/task.py): batches are folded, snapshots taken,
written in transactions and only then put into the store, a real one; after a crash the store is
brought to the end of the changelog, and folding goes on where the meta row says.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar

import msgspec
from raw_records import Raw

from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.partition import Out, Snapshot
from eventfold.engine.store import Store, wipe
from eventfold.engine.table import StateTable
from eventfold.engine.task import Task
from eventfold.engine.window_table import WindowTable
from eventfold.native import extension
from eventfold.topics import Topic

T = TypeVar("T")

#: More publications than this in a row, with nothing new to fold, are a loop without an end.
PATIENCE = 5_000


@contextmanager
def using(app: TickApp, *, native: bool) -> Iterator[None]:
    """Run the block with the native extension in an application, or without it."""
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
        leads: bool = True,
    ) -> None:
        self.table = table
        self.path = path
        self.raw = raw
        self.leads = leads
        self.task = Task(app.tasks, table.source.name, partition, generation=1)
        #: What is committed: rows of the changelog (None: a transaction's marker), outputs.
        self.changelog: list[tuple[bytes, bytes | None] | None] = []
        self.outputs: dict[str, list[Written]] = {}
        self.snapshots: list[Snapshot] = []
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.state.store.close()
        wipe(self.path)

    # -- its life

    def _open(self) -> None:
        store = self._restored()
        self.state: Any = self.table.new_state(self.task.partition, store, leads=self.leads)
        self.state.load()
        position = self.state.restored_position
        self.state.start(self.raw[0].offset if position is None and self.raw else position or 0)
        self.folded = sum(record.offset < self.state.position for record in self.raw)

    def _restored(self) -> Store:
        """Open the store and write what the changelog has after the offset it reached."""
        store = Store(self.path)
        # Compacted: of each row, what was written last.
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
        """Forget everything that is not committed, and open again."""
        self.state.store.close()
        if store == "lost":
            wipe(self.path)
        self._open()

    def fold(self, count: int, *, again: int = 0) -> None:
        """Fold the next `count` records as one batch, which begins with some known already."""
        begin, end = max(self.folded - again, 0), min(self.folded + count, len(self.raw))
        if begin < end:
            self.state.fold(Batch(self.task, self.raw[begin:end]))
            self.folded = end

    def fold_rest(self) -> None:
        """Fold all that is left."""
        self.fold(len(self.raw))

    def snapshot(self, *, publish: bool = True) -> Snapshot:
        """Take a snapshot; one that publishes if more to publish is due, as a task does."""
        return self.state.snapshot(publish=publish or self.state.behind)

    def commit(self, snapshot: Snapshot, *, stored: bool = True) -> None:
        """Commit a snapshot's transaction; put it into the store, unless a crash comes first."""
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
        """Fold all that is left and checkpoint until a task would find nothing more to do."""
        self.fold_rest()
        for _ in range(PATIENCE):
            if not (self.state.dirty or self.state.behind or self.state.unpublished):
                return
            self.checkpoint()
        raise AssertionError("there is always something more to publish")

    # -- what is committed

    def written(self, topic: Topic, value: type[T]) -> list[T]:
        """Return the values written to a topic, in order."""
        return [
            msgspec.json.decode(out.record[1] or b"", type=value)
            for out in self.outputs.get(topic.name, [])
        ]

    def sources(self, topic: Topic) -> list[bytes]:
        """Return the headers `source` of a topic, in order."""
        return [dict(out.record[2])["source"] for out in self.outputs.get(topic.name, [])]

    def stored_rows(self) -> int:
        """Return how many rows the store has."""
        return sum(1 for _ in self.state.store.keys_between(0))


#: What the fixtures `new_table` and `drive` are: of windows, grace and retention (ms) a table;
#: of a table and the records of its source one partition of it.
NewTable = Callable[..., WindowTable]
Drive = Callable[..., PartitionDriver]
