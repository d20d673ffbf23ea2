"""A store that is brought up to its changelog: by a restore, or all the time by a standby.

A store is trusted as far as it is known to be of this very changelog, and to have missed no
tombstone: brokers drop those in time, and what they deleted would stay in the store for good.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from eventfold.engine.errors import AFRESH, OtherHistoryError
from eventfold.engine.rows import META, decode_meta
from eventfold.engine.store import Store, StoreError, wipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aiokafka import TopicPartition

logger = logging.getLogger(__name__)

#: What an identity of a changelog begins with that is not its topic id: brokers may have none.
OWN = "own:"

#: By how much (ms) this machine's clock may be set back before no time it measures is trusted.
CLOCK_STEP = 60_000

#: Least time (ms) that tombstones are taken to be kept: a standby reads several times a second.
LEAST_KEPT = 2_000

#: After how long (ms) a store is told again that it is at the end of its changelog.
NOTE_INTERVAL = 60_000


def now_ms() -> int:
    """Return the time (ms since the epoch)."""
    return time.time_ns() // 1_000_000


class Log(NamedTuple):
    """What brokers know of a changelog partition."""

    #: The offsets there are: [first, end).
    first: int
    end: int
    #: Id of the topic; empty where brokers have none.
    topic_id: str
    #: For how long (ms) they keep a tombstone at least, from when it was written.
    kept: int
    #: When they were asked (ms): the end is of then, or later.
    asked: int


def differ(one: str, other: str) -> bool:
    """Return whether two identities of a changelog are of different ones, as far as is known.

    A topic id and an identity of our own can't be compared, nor can what earlier code wrote.
    """
    comparable = one and other and one.startswith(OWN) == other.startswith(OWN)
    return bool(comparable) and one != other


class Replica:
    """A store of one partition of a table, and how far it has read its changelog.

    Raises OtherHistoryError for a store that is ahead of its changelog or behind what is still
    there, and where the changelog is empty and the store is of one before it.
    """

    def __init__(self, path: Path, changelog: TopicPartition, log: Log, *, timed: bool) -> None:
        self.path = path
        self.name = f"{changelog.topic}-{changelog.partition}"
        self._timed = timed
        self.store = Store(path)
        #: When brokers answered last, and the time before (ms).
        self._polled: int | None = None
        self._polled_before: int | None = None
        try:
            #: When all that was in the log had been read into the store (ms), or reading began.
            self._current = self.store.current if self.store.offset > log.first else log.asked
            self._noted = self._current
            self.admit(log)
        except BaseException:
            self.store.close()
            raise

    def admit(self, log: Log) -> None:
        """Compare the store with what brokers have now; make it anew if it is of another log."""
        self._log = log
        store = self.store
        #: Offset of the next record to read.
        self.position = max(log.first, store.offset)
        #: Whether a meta row has to be met that is of the store's own history.
        self._to_meet = False
        if differ(store.history, log.topic_id):
            self._change_history()
        self._check_offsets()
        store = self.store
        if log.topic_id:
            store.history = log.topic_id
        elif store.history and store.offset:
            # The last row of a checkpoint is the meta row, and the last of these always stays.
            self._to_meet = True
            self.position = max(log.first, store.offset - 1)

    def _change_history(self) -> None:
        if self.store.offset and self._log.first == self._log.end:
            raise OtherHistoryError(
                f"{self.name}: the changelog was made anew and is empty, {self.path} is of the one "
                f"before it, its state is lost: {AFRESH}"
            )
        self._begin_again(f"it is of another changelog than {self.name} is now")

    def _check_offsets(self) -> None:
        first, end, reached = self._log.first, self._log.end, self.store.offset
        if reached > end:
            raise OtherHistoryError(
                f"{self.name} ends at offset {end}, {self.path} has reached {reached}: the "
                f"changelog was made anew, or its broker has lost records: {AFRESH}"
            )
        # After what a checkpoint wrote last comes its marker, which is no loss.
        if reached + 1 < first and (reached or first < end):
            raise OtherHistoryError(
                f"{self.name} begins at offset {first}, {self.path} has reached {reached}: rows "
                f"between them were deleted: {AFRESH}"
            )

    def _begin_again(self, reason: str) -> None:
        """Make the store anew: all of the changelog is read."""
        logger.warning("%s is restored from the changelog's beginning: %s", self.path, reason)
        self.store.close()
        wipe(self.path)
        self.store = Store(self.path)
        self.store.history = self._log.topic_id
        self.position = self._log.first
        self._current = now_ms()
        self._to_meet = False

    # -- reading

    def take(self, records: Sequence[Any], position: int) -> bool:
        """Write fetched records, after which `position` is the next offset to read.

        Return False if the store had to be made anew instead; then the records from `position`
        of the replica on are to be fetched. Of several records of a row the last holds.
        """
        if records and self._is_stale():
            # That there is nothing but markers of transactions shows that nothing was missed:
            # each checkpoint has a meta row, and the last one is never compacted away.
            self._begin_again("it may have missed tombstones that are no longer in the changelog")
            return False
        if not self._log.topic_id and not self._is_ours(records):
            self._begin_again(f"it is of another changelog than {self.name} is now")
            return False
        rows = {record.key or b"": record.value for record in records}
        self.store.write(rows.items(), position, self._timed, self._current)
        self.position = position
        return True

    def finish(self) -> bool:
        """Note that all there was when the brokers were asked has been read.

        Return False if the store had to be made anew instead.
        """
        if self._to_meet:
            self._begin_again(f"it is of another changelog than {self.name} is now")
            return False
        if not self.store.history:
            self.store.history = OWN + uuid4().hex
        self._note_current(self._log.asked)
        return True

    def _is_stale(self) -> bool:
        """Return whether tombstones may be gone that were written since the store was current.

        A broker keeps one for so long from when it cleans it first, which is after it was written.
        Half of that is left for reading, and for clocks that differ.
        """
        passed = now_ms() - self._current
        return not -CLOCK_STEP <= passed <= max(self._log.kept, LEAST_KEPT) // 2

    def _is_ours(self, records: Sequence[Any]) -> bool:
        """Compare with the meta rows among some records; take an identity from them."""
        for record in records:
            if record.key == META and record.value is not None:
                theirs = decode_meta(record.value).history
                if differ(self.store.history, theirs):
                    return False
                if theirs and not self.store.history:
                    self.store.history = theirs
                self._to_meet = False
        return True

    # -- following

    def see_polled(self, position: int, stable: int | None, polled: int | None) -> None:
        """Note what the last answer to a fetch shows.

        `position` is the next offset to read, `stable` the end of what is committed, `polled` when
        the answer came (ms): as long after it was sent as this process stood still. Its request
        went out after the answer before it had come, so of that moment it is known.
        """
        if polled != self._polled:
            self._polled_before, self._polled = self._polled, polled
        if self._polled_before is None or stable is None or position < stable:
            return
        self.position = position
        self._current = max(self._current, self._polled_before)
        if self._current - self._noted > NOTE_INTERVAL:
            self._note_current(self._current)

    def _note_current(self, current: int) -> None:
        self._current = self._noted = max(self._current, current)
        if self.store.get(META) is not None:
            # One that has nothing must not pass for one that has read so far.
            self.store.write((), self.position, self._timed, self._current)

    def close(self) -> None:
        """Release the store, with the time when it was current last."""
        with suppress(StoreError):
            if self._current > self._noted:
                self._note_current(self._current)
        self.store.close()
