"""Store that follows its changelog: once in a restore, all the time as a standby.

A store is trusted only while it is known to be of this very changelog and to have missed no
tombstone: brokers drop tombstones in time, and the rows they delete would stay in the store.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from eventfold.engine.errors import OtherHistoryError, afresh
from eventfold.engine.rows import META, decode_meta
from eventfold.engine.store import Store, StoreError, wipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aiokafka import TopicPartition

    from eventfold.settings import Settings

logger = logging.getLogger(__name__)

#: Prefix of a changelog identity that this code made up, because brokers may have no topic ids.
OWN = "own:"

#: How far (ms) this machine's clock may be set back before no time measured with it is trusted.
CLOCK_STEP = 60_000

#: Minimum time (ms) that tombstones are assumed to be kept: a standby reads several times a second.
LEAST_KEPT = 2_000

#: Interval (ms) at which a store at the end of its changelog records that it is current.
NOTE_INTERVAL = 60_000


def now_ms() -> int:
    """Return the current time (ms since the epoch)."""
    return time.time_ns() // 1_000_000


class Log(NamedTuple):
    """State of a changelog partition, as brokers report it."""

    #: The offsets that exist: [first, end).
    first: int
    end: int
    #: Id of the topic; empty where brokers have none.
    topic_id: str
    #: Minimum time (ms) for which they keep a tombstone, from when it was written.
    kept: int
    #: When they were asked (ms): the end is as of then, or later.
    asked: int


def differ(one: str, other: str) -> bool:
    """Return whether two identities are known to be of different changelogs.

    A topic id and an identity made up here can't be compared, nor can the empty one that earlier
    versions wrote.
    """
    comparable = one and other and one.startswith(OWN) == other.startswith(OWN)
    return bool(comparable) and one != other


class Replica:
    """Store of one partition of a table, and its position in the changelog.

    Raises OtherHistoryError for a store that is ahead of its changelog or behind its first offset,
    and if the changelog is empty and the store is of an earlier one.
    """

    def __init__(
        self, path: Path, changelog: TopicPartition, log: Log, conf: Settings, *, timed: bool
    ) -> None:
        self.path = path
        self.name = f"{changelog.topic}-{changelog.partition}"
        self._conf = conf
        self._timed = timed
        self.store = Store(path)
        #: When brokers answered last, and when they did before that (ms).
        self._polled: int | None = None
        self._polled_before: int | None = None
        try:
            #: When the store last had all of the changelog (ms), or when reading began.
            self._current = self.store.current if self.store.offset > log.first else log.asked
            self._noted = self._current
            self.admit(log)
        except BaseException:
            self.store.close()
            raise

    def admit(self, log: Log) -> None:
        """Check the store against the brokers' changelog; rebuild it if it is of another one.

        Raises OtherHistoryError as the class does.
        """
        self._log = log
        store = self.store
        #: Offset of the next record to read.
        self.position = max(log.first, store.offset)
        #: Whether a meta row with the store's own history must still be found in the changelog.
        self._to_meet = False
        if differ(store.history, log.topic_id):
            self._change_history()
        self._check_offsets()
        store = self.store
        if log.topic_id:
            store.history = log.topic_id
        elif store.history and store.offset:
            # Read the last row again: it is the checkpoint's meta row, and the newest one always
            # stays.
            self._to_meet = True
            self.position = max(log.first, store.offset - 1)

    def _change_history(self) -> None:
        if self.store.offset and self._log.first == self._log.end:
            raise OtherHistoryError(
                f"{self.name}: the changelog was made anew and is empty, {self.path} is of the one "
                f"before it, its state is lost: {afresh(self._conf)}"
            )
        self._begin_again(f"it is of another changelog than {self.name} is now")

    def _check_offsets(self) -> None:
        first, end, reached = self._log.first, self._log.end, self.store.offset
        if reached > end:
            raise OtherHistoryError(
                f"{self.name} ends at offset {end}, {self.path} has reached {reached}: the "
                f"changelog was made anew, or its broker has lost records: {afresh(self._conf)}"
            )
        # A transaction marker follows the last row of a checkpoint; one missing offset is no loss.
        if reached + 1 < first and (reached or first < end):
            raise OtherHistoryError(
                f"{self.name} begins at offset {first}, {self.path} has reached {reached}: rows "
                f"between them were deleted: {afresh(self._conf)}"
            )

    def _begin_again(self, reason: str) -> None:
        """Delete the store's files and read the changelog from its beginning."""
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
        """Write fetched records to the store; `position` is the next offset to read after them.

        Return False if the store had to be rebuilt instead; then fetch from `self.position` again.
        Of several records of a row the last one wins.
        """
        if records and self._is_stale():
            # Where only transaction markers are left, nothing was missed: each checkpoint has a
            # meta row, and the last one is never compacted away.
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
        """Record that everything up to the surveyed end offset has been read.

        Return False if the store had to be rebuilt instead.
        """
        if self._to_meet:
            self._begin_again(f"it is of another changelog than {self.name} is now")
            return False
        if not self.store.history:
            self.store.history = OWN + uuid4().hex
        self._note_current(self._log.asked)
        return True

    def _is_stale(self) -> bool:
        """Return whether tombstones written since the store was current may be gone.

        A broker keeps a tombstone for `kept` ms from its first cleaning, which is after it was
        written. Only half of that is used: the rest is for reading, and for clocks that differ.
        """
        passed = now_ms() - self._current
        return not -CLOCK_STEP <= passed <= max(self._log.kept, LEAST_KEPT) // 2

    def _is_ours(self, records: Sequence[Any]) -> bool:
        """Return whether the meta rows in `records` match the store; adopt their identity."""
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
        """Record what the last answer to a fetch shows.

        `position` is the next offset to read, `stable` the last stable offset, `polled` when the
        answer was received (ms): if this process stood still, that is later than when it was sent.
        But its request was sent after the previous answer had arrived, so the store was current at
        that time.
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
            # An empty store must not look as if it had been read up to this position.
            self.store.write((), self.position, self._timed, self._current)

    def close(self) -> None:
        """Close the store, and record when it was last current."""
        with suppress(StoreError):
            if self._current > self._noted:
                self._note_current(self._current)
        self.store.close()
