"""Ordered store of one partition of a table: RocksDB, as a cache of the changelog.

It may be behind the changelog, never ahead: rows are written after their transaction committed, all
of a checkpoint in one atomic batch with the changelog offset reached. So the write-ahead log is
off; writes that a crash loses are read from the changelog again.
"""

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple
from weakref import WeakSet

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DbClosedError,
    DBCompressionType,
    Options,
    Rdict,
    RdictIter,
    ReadOptions,
    WriteBatch,
    WriteOptions,
)

from eventfold.engine.rows import META, OPEN, prefix
from eventfold.open_files import describe_limit, is_limit

logger = logging.getLogger(__name__)

#: One block cache for all stores of the process, as RocksDB's default has no common limit.
CACHE_BYTES = 64 << 20
WRITE_BUFFER_BYTES = 8 << 20

#: Bloom filter bits per row, RocksDB logs to keep, and files that RocksDB may hold open.
FILTER_BITS, LOG_FILES, OPEN_FILES = 10, 2, 256

#: First byte of a stored key: its kind. Rows are ordered by key, then start; TIME entries by start,
#: then key, so that expired rows are a range too.
ROW, TIME, OFFSET, CURRENT, HISTORY = b"p", b"t", b"o", b"w", b"h"

#: Rows or keys read at once when all of them are read.
PIECE = 256

#: RocksDB's names of the properties in `Size`.
_SIZES = ("total-sst-files-size", "cur-size-all-mem-tables", "estimate-num-keys")

_cache = Cache(CACHE_BYTES)


class StoreError(Exception):
    """Failure to read or write the store, such as on a full disk; the message names it."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class StoreInUseError(StoreError):
    """Conflict with another process that holds the store."""


class DamagedStoreError(StoreError):
    """Damage to the files of the store, which has to be restored."""


class Size(NamedTuple):
    """Size of a store: bytes of its files and of its write buffers, entries (estimated)."""

    disk: int
    memory: int
    entries: int


class _Cursor:
    """RocksDB iterator that its store can release: while one lives, the store is locked."""

    def __init__(self, found: RdictIter) -> None:
        self.found: Any = found

    def let_go(self) -> None:
        """Release the iterator; any use of it raises DbClosedError from now on."""
        self.found = _LetGo()


class _LetGo:
    def __getattr__(self, _: str) -> Any:
        raise DbClosedError("the store was closed while it was read")


class Store:
    """Rows of one partition, by key; and by time if rows have a start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Any: it is None only after a close that could not flush, and nobody reads it then.
        self._db: Any = _open(path)
        #: Cursors of scans under way.
        self._cursors: WeakSet[_Cursor] = WeakSet()
        options: Any = WriteOptions()  # its stub takes the property for a method
        options.disable_wal = True
        self._write_options = options

    @property
    def offset(self) -> int:
        """Changelog offset reached: the next one to read; 0 for an empty store."""
        value = self._get(OFFSET)
        return int(value) if value is not None else 0

    @property
    def current(self) -> int:
        """When the store was last known to have all of the changelog (ms, local clock); or 0."""
        value = self._get(CURRENT)
        return int(value) if value is not None else 0

    @property
    def history(self) -> str:
        """Identity of the changelog: its topic's id, or one made up here; empty if not known."""
        value = self._get(HISTORY)
        return value.decode() if value is not None else ""

    @history.setter
    def history(self, history: str) -> None:
        batch = WriteBatch(raw_mode=True)
        batch.put(HISTORY, history.encode())
        self._write(batch)

    def size(self) -> Size:
        """Return the size that RocksDB reports; zeros after a close that could not flush.

        Raises DbClosedError after any other close.
        """
        if self._db is None:
            return Size(0, 0, 0)
        return Size(*(self._db.property_int_value(f"rocksdb.{name}") or 0 for name in _SIZES))

    def get(self, row: bytes) -> bytes | None:
        """Return the value of a row, or None. Raises StoreError, as every method here."""
        return self._get(ROW + row)

    def _get(self, key: bytes) -> bytes | None:
        try:
            return self._db.get(key)
        except DbClosedError:
            raise
        except Exception as error:
            raise self._error(error) from error

    def write(
        self,
        rows: Iterable[tuple[bytes, bytes | None]],
        offset: int,
        timed: bool,
        current: int | None = None,
    ) -> None:
        """Write rows (None deletes) and the changelog offset reached, all or nothing.

        `timed` rows end in 8 bytes of time and get an entry in the order of time. `current` is when
        the store was known to have all of the changelog (ms), now if None.
        """
        batch = WriteBatch(raw_mode=True)
        for row, value in rows:
            time = TIME + row[-8:] + row if timed and row != META else None
            if value is None:
                batch.delete(ROW + row)
                if time:
                    batch.delete(time)
            else:
                batch.put(ROW + row, value)
                if time:
                    batch.put(time, b"")
        batch.put(OFFSET, b"%d" % offset)
        batch.put(CURRENT, b"%d" % (time_ns() // 1_000_000 if current is None else current))
        self._write(batch)

    def _write(self, batch: WriteBatch) -> None:
        try:
            self._db.write(batch, self._write_options)
        except DbClosedError:
            raise
        except Exception as error:
            raise self._error(error) from error

    def scan(self, lower: bytes, upper: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows with lower <= key < upper, ascending."""
        for row, value in self._scan(ROW + lower, ROW + upper):
            yield row[1:], value

    def last_before(self, prefix: bytes, row: bytes) -> tuple[bytes, bytes] | None:
        """Return the last row before `row` that begins with `prefix`, or None."""
        # Without such a row, going back would walk over everything that was deleted before it,
        # because rocksdict ignores the lower bound.
        if next(self.scan(prefix, row), None) is None:
            return None
        found = self._db.iter(ReadOptions())
        found.seek_for_prev(ROW + row)
        if found.valid() and found.key() == ROW + row:
            found.prev()
        self._check(found)
        if found.valid() and found.key().startswith(ROW + prefix):
            return found.key()[1:], found.value()
        return None

    def keys_between(
        self, begin: int, end: int = OPEN, after: bytes | None = None
    ) -> Iterator[bytes]:
        """Yield the timed rows with begin <= start < end (ms), oldest first.

        With a row `after` that is not empty, yield the rows after that one instead of from `begin`.
        """
        lower, upper = TIME + begin.to_bytes(8), TIME + max(end, 0).to_bytes(8)
        if after:
            lower = TIME + after[-8:] + after + b"\0"
        # Not cached: most of these rows are about to be deleted, or loaded into memory.
        for entry, _ in self._scan(lower, upper, cached=False):
            yield entry[9:]

    def starts(self) -> Iterator[int]:
        """Yield each start (ms) that has rows, once, ascending, with one seek a start."""
        cursor = self._cursor(ReadOptions())
        cursor.found.seek(TIME)
        while cursor.found.valid() and (entry := cursor.found.key()).startswith(TIME):
            start = int.from_bytes(entry[1:9])
            yield start
            cursor.found.seek(TIME + (start + 1).to_bytes(8))
        self._check(cursor.found)

    def prefixes(self, after: bytes | None = None) -> Iterator[bytes]:
        """Yield each key that has rows (all after a key `after`) once, with one seek a key."""
        cursor = self._cursor(ReadOptions())
        cursor.found.seek(ROW if after is None else _behind(ROW + prefix(after)))
        while cursor.found.valid() and (row := cursor.found.key()).startswith(ROW):
            if row[1:] == META:
                cursor.found.next()
                continue
            end = 3 + int.from_bytes(row[1:3])
            yield row[3:end]
            cursor.found.seek(_behind(row[:end]))
        self._check(cursor.found)

    def _scan(
        self, lower: bytes, upper: bytes, *, cached: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        options: Any = ReadOptions()  # its stub knows no parameter of `fill_cache`
        options.set_iterate_upper_bound(upper)
        options.fill_cache(cached)
        cursor = self._cursor(options)
        cursor.found.seek(lower)
        while cursor.found.valid():
            yield cursor.found.key(), cursor.found.value()
            cursor.found.next()
        self._check(cursor.found)

    def _cursor(self, options: Any) -> _Cursor:
        cursor = _Cursor(self._db.iter(options))
        self._cursors.add(cursor)
        return cursor

    def _check(self, found: RdictIter) -> None:
        """Raise StoreError if an iterator has stopped at data that it can't read."""
        # Otherwise that looks like the end: half a scan would be taken for the whole.
        try:
            found.status()
        except Exception as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> StoreError:
        return _store_error(self.path, error)

    def close(self) -> None:
        """Flush and release the store. Calling it twice is harmless.

        What can't be flushed is restored from the changelog when the store is opened again.
        """
        if self._db is None:
            return
        for cursor in self._cursors:
            cursor.let_go()
        try:
            self._db.close()
        except DbClosedError:
            pass
        except Exception as error:  # noqa: BLE001  # rocksdict has no other
            logger.warning("%s could not be flushed: %s", self.path, error)
            # RocksDB keeps it open, with its lock, until nothing refers to it.
            self._db = None


def _behind(key: bytes) -> bytes:
    # After all rows of the key, as a row's time has only eight bytes.
    return key + b"\xff" * 9


def in_pieces(listed: Callable[[bytes | None], Iterator[bytes]]) -> Iterator[bytes]:
    """Yield all that `listed(None)` yields, in pieces: `listed(last)` continues after an item.

    No RocksDB iterator stays open between two pieces: a store that is closed meanwhile would keep
    its lock. Raises DbClosedError if it was closed.
    """
    piece = list(islice(listed(None), PIECE))
    while piece:
        yield from piece
        piece = list(islice(listed(piece[-1]), PIECE))


def wipe(path: Path) -> None:
    """Remove a store's files."""
    shutil.rmtree(path, ignore_errors=True)


def _open(path: Path) -> Rdict:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return Rdict(str(path), _options())
    except Exception as error:
        if is_limit(error):
            raise _store_error(path, error) from error  # its files may be as they should be
        # By its file: a damaged *block* is no lock.
        if str(path / "LOCK") in str(error):
            raise StoreInUseError(
                path,
                f"{path} is in use by another worker: give each its own WEB_PORT or APP_DATADIR",
            ) from error
        logger.warning("%s can't be opened, it is restored from the changelog: %s", path, error)
    wipe(path)
    try:
        return Rdict(str(path), _options())
    except Exception as error:
        raise _store_error(path, error) from error


def _store_error(path: Path, error: Exception) -> StoreError:
    reason = " ".join(str(error).split())
    if "Corruption" in reason:
        return DamagedStoreError(path, f"{path} is damaged: {reason}")
    if is_limit(error):
        return StoreError(path, f"{path} can't be read or written: {describe_limit()}")
    return StoreError(
        path,
        f"{path} can't be read or written: {reason}: make room, or see to its directory, and "
        "start the worker again; what is missing there is restored from the changelog",
    )


def _options() -> Options:
    table = BlockBasedOptions()
    table.set_block_cache(_cache)
    # Index and filter stay with their file and go with it (two bytes a row). In the cache those of
    # files long deleted would stay, until it is full: it grew by 20 MB an hour.
    table.set_bloom_filter(FILTER_BITS, block_based=False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_keep_log_file_num(LOG_FILES)
    options.set_max_open_files(OPEN_FILES)
    return options
