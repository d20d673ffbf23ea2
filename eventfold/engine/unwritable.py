"""Records that made rows which can't be written: they are found one by one, and left out.

A row that is too large, or holds what it has no form for, shows when a checkpoint encodes it. Its
task is opened again at the last checkpoint and folds carefully up to where it failed: after each
record the rows it changed are encoded, so the record is known. Opened once more, it leaves that
record out, as a dead letter. Nothing of this costs anything while rows can be written.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from eventfold.engine.errors import UnwritableError

if TYPE_CHECKING:
    from aiokafka import TopicPartition


class Careful:
    """What one partition of a source has to be careful about."""

    def __init__(self) -> None:
        #: Offset up to which records are folded one by one.
        self.until = 0
        #: By table, the reason why the record at an offset is left out.
        self._left_out: defaultdict[str, dict[int, str]] = defaultdict(dict)

    def left_out(self, table: str) -> dict[int, str]:
        """Return the offsets that a table leaves out, each with the reason."""
        return self._left_out[table]

    def note(self, error: UnwritableError) -> bool:
        """Note what can't be written; return whether that is news, and opening again helps."""
        if error.offset is not None:
            reasons = self._left_out[error.table]
            news = error.offset not in reasons
            # What lies before the last checkpoint does not come again.
            for offset in [each for each in reasons if each < error.begin]:
                del reasons[offset]
            reasons[error.offset] = str(error)
            self.until = max(self.until, error.end)
            return news
        news = error.begin >= self.until
        self.until = max(self.until, error.end)
        return news


class Unwritable:
    """The same of all partitions that had such a record."""

    def __init__(self) -> None:
        self._by_partition: dict[TopicPartition, Careful] = {}

    def of(self, tp: TopicPartition) -> Careful | None:
        """Return what a partition has to be careful about, None for nothing."""
        return self._by_partition.get(tp)

    def note(self, tp: TopicPartition, error: UnwritableError) -> bool:
        """Note what can't be written; return whether opening the task again helps."""
        return self._by_partition.setdefault(tp, Careful()).note(error)
