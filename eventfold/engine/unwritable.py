"""Records whose rows can't be written: they are found one by one, and become dead letters.

A row that is too large, or holds a value that can't be encoded, is found when a checkpoint encodes
it. Its task is opened again at the last checkpoint and folds one by one up to where it failed: the
rows that a record changed are encoded after it, so the record to blame is known. Opened once more,
the task makes that record a dead letter. This costs nothing while all rows can be written.
"""

from collections import defaultdict

from aiokafka import TopicPartition

from eventfold.engine.errors import UnwritableError


class Careful:
    """Offsets of one partition of a source that are folded one by one or left out."""

    def __init__(self) -> None:
        #: Offset up to which records are folded one by one.
        self.until = 0
        #: By table and offset, the reason why a record is left out.
        self._left_out: defaultdict[str, dict[int, str]] = defaultdict(dict)

    def left_out(self, table: str) -> dict[int, str]:
        """Return the offsets that a table leaves out, each with the reason."""
        return self._left_out[table]

    def note(self, error: UnwritableError) -> bool:
        """Note a row that can't be written; return whether it is new and reopening helps."""
        if error.offset is not None:
            reasons = self._left_out[error.table]
            news = error.offset not in reasons
            # Records before the last checkpoint do not come again.
            for offset in [each for each in reasons if each < error.begin]:
                del reasons[offset]
            reasons[error.offset] = str(error)
            self.until = max(self.until, error.end)
            return news
        news = error.begin >= self.until
        self.until = max(self.until, error.end)
        return news


class Unwritable:
    """`Careful` of each partition that had a record whose row can't be written."""

    def __init__(self) -> None:
        self._by_partition: dict[TopicPartition, Careful] = {}

    def of(self, tp: TopicPartition) -> Careful | None:
        """Return the `Careful` of a partition, or None."""
        return self._by_partition.get(tp)

    def note(self, tp: TopicPartition, error: UnwritableError) -> bool:
        """Note a row that can't be written; return whether opening the task again helps."""
        return self._by_partition.setdefault(tp, Careful()).note(error)
