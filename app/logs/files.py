"""Reader of a log file as it lies on disk: once, or following it as it grows and is rotated."""

import asyncio
import codecs
import gzip
import logging
import os
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from eventfold.connectors.position import Position

log = logging.getLogger(__name__)

#: Bytes read at a time.
CHUNK = 256 * 1024
#: Seconds between two checks of a file that has not grown.
POLL = 0.25
#: Most bytes of a line; a longer one is read as several.
MAX_LINE = 1 << 20
#: First bytes of a file by which a new content in the same file is noticed.
_HEAD = 256

_GZIP = b"\x1f\x8b"
_ENCODINGS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: What a rotation appends to a file's name: a number or a date.
_ROTATED = re.compile(r"[.-]\d[\d._-]*")


class UnreadableLogError(Exception):
    """A log file that can't be read; its message is one line naming it."""


@dataclass
class Content:
    """Identity of a file until it is truncated: its inode, and its first bytes as far as known."""

    inode: int
    head: bytes = b""

    def position(self, offset: int) -> Position:
        """Return the position `offset` (bytes) in it."""
        return Position(offset, f"{self.inode} {self.head[:offset].hex()}")

    def is_in(self, path: Path, offset: int) -> bool:
        """Return whether a file has this content, and at least `offset` bytes of it."""
        try:
            with path.open("rb") as file:
                there = os.fstat(file.fileno())
                is_same = there.st_ino == self.inode and there.st_size >= offset
                return is_same and file.read(len(self.head)) == self.head
        except OSError:
            return False


@dataclass
class Chunk:
    """Lines of a file: their texts, their first bytes' offsets, and the offset after the last."""

    content: Content
    end: int
    lines: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)


class LogFile:
    """Lines of one file.

    With `follow`, reading goes on as the file grows. A file that is renamed or removed (rotated) is
    read to its end, then the new one under its name; a file that is truncated (logrotate's
    `copytruncate`) is read from its beginning. `only_new` skips what is in the file at the start.
    """

    def __init__(self, path: Path, *, follow: bool = False, only_new: bool = False) -> None:
        self._path, self._follow, self._skip = path, follow, only_new
        self._file: Any = None
        self._raw: IO[bytes] | None = None
        self._open = ExitStack()
        self._encoding = "utf-8"
        self._content = Content(0)
        #: Bytes of the line that is not complete yet, and the offset where it begins.
        self._rest, self._start_of_rest = b"", 0
        #: Files to read next, in which the position of an earlier run is or that came after it.
        self._missed: list[Path] = []
        self._was_rotated = False
        self._known: os.stat_result

    @property
    def size(self) -> int:
        """Size of the file in bytes, compressed if it is."""
        return self._stat().st_size if self._raw else 0

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        if self._raw is None:
            return 0
        return self.size if self._raw.closed else self._raw.tell()

    @property
    def changed(self) -> int:
        """Time of the file's last change (ms)."""
        return int(self._stat().st_mtime * 1000) if self._raw else 0

    def _stat(self) -> os.stat_result:
        raw = self._raw_file()
        if not raw.closed:
            self._known = os.fstat(raw.fileno())
        return self._known

    def resume(self, position: Position) -> None:
        """Begin at a position that `Content.position` returned, in the file or in a rotated one.

        Where its content is gone, the file is read from its beginning. Raises UnreadableLogError.
        """
        inode, head = position.place.split(" ")
        content = Content(int(inode), bytes.fromhex(head))
        self._skip = False
        try:
            files = [*self._rotated(), self._path]
        except OSError as error:
            raise self._unreadable(error) from error
        found = [each for each in files if content.is_in(each, position.offset)]
        if not found:
            log.warning(
                "%s: what was read last was truncated, compressed or removed since: lines at its "
                "end may be missing; reading the file from its beginning",
                self._path,
            )
            return
        self._missed = files[files.index(found[-1]) : -1]
        self._start_of_rest = position.offset

    def _rotated(self) -> list[Path]:
        """Return the files that this one was rotated to, the oldest first."""
        name = self._path.name
        found = [
            each
            for each in self._path.parent.iterdir()
            if each.name.startswith(name) and _ROTATED.fullmatch(each.name, len(name))
        ]
        return sorted(found, key=lambda each: each.stat().st_mtime_ns)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield lines, some at a time; none where the file has not grown since the last time.

        Ends at the end of the file, unless it is followed. Raises UnreadableLogError if it can't be
        opened, read or decompressed.
        """
        with self._open:
            begin = self._start_of_rest
            self._start(self._opened(self._missed.pop(0) if self._missed else self._path))
            if self._skip or begin:
                self._raw_file().seek(begin, os.SEEK_END if self._skip else os.SEEK_SET)
                self._start_of_rest = self._raw_file().tell()
            self._stat()
            while True:
                if self._follow and self._was_truncated():
                    yield self._last()
                    self._restart()
                data = self._read()
                if data:
                    yield self._split(data)
                    await asyncio.sleep(0)
                elif not self._follow:
                    yield self._last()
                    return
                elif (following := self._next_file()) is not None:
                    yield self._last()
                    self._start(following)
                else:
                    yield Chunk(self._content, self._start_of_rest)
                    await asyncio.sleep(POLL)

    def _raw_file(self) -> IO[bytes]:
        assert self._raw is not None  # noqa: S101 - opened before anything is read
        return self._raw

    def _opened(self, path: Path) -> IO[bytes]:
        try:
            return path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error

    def _start(self, raw: IO[bytes]) -> None:
        """Read from the beginning of a file just opened."""
        self._open.close()
        self._open.enter_context(raw)
        self._raw, self._was_rotated = raw, False
        head = os.pread(raw.fileno(), _HEAD, 0)
        is_packed = head.startswith(_GZIP)
        if is_packed and self._follow:
            raise UnreadableLogError(f"{self._path}: a compressed file can't be followed")
        self._file = self._open.enter_context(gzip.GzipFile(fileobj=raw)) if is_packed else raw
        self._begin(head)

    def _begin(self, head: bytes) -> None:
        """Forget what was read: what follows is the beginning of a content."""
        self._encoding = next((name for bom, name in _ENCODINGS if head.startswith(bom)), "utf-8")
        self._content = Content(os.fstat(self._raw_file().fileno()).st_ino, head)
        self._rest, self._start_of_rest = b"", 0

    def _unreadable(self, error: Exception) -> UnreadableLogError:
        return UnreadableLogError(f"{self._path}: {getattr(error, 'strerror', None) or error}")

    def _read(self) -> bytes:
        try:
            return bytes(self._file.read(CHUNK))
        except (OSError, EOFError) as error:
            raise self._unreadable(error) from error

    def _was_truncated(self) -> bool:
        """Return whether the file has become shorter, or has another beginning."""
        raw = self._raw_file()
        head = os.pread(raw.fileno(), _HEAD, 0)
        if head.startswith(self._content.head) and self.size >= raw.tell():
            self._content.head = head
            return False
        return True

    def _restart(self) -> None:
        """Go to the beginning of a file that was truncated."""
        raw = self._raw_file()
        raw.seek(0)
        self._begin(os.pread(raw.fileno(), _HEAD, 0))

    def _next_file(self) -> IO[bytes] | None:
        """Open the file that has taken the place of the one that was read to its end, if any.

        A writer may go on with the old one for a moment: it is read once more, after a pause.
        """
        try:
            if self._missed:
                return self._missed.pop(0).open("rb")
            there = self._path.stat()
            here = os.fstat(self._raw_file().fileno())
            if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
                return None
            if not self._was_rotated:
                self._was_rotated = True
                return None
            return self._path.open("rb")
        except OSError:  # not there yet
            return None

    def _split(self, data: bytes) -> Chunk:
        data, first = self._rest + data, self._start_of_rest
        newline = "\n".encode(self._encoding)
        chunk, start, end = Chunk(self._content, 0), 0, 0
        while (end := data.find(newline, end)) >= 0:
            if (end - start) % len(newline):  # halves of two characters in UTF-16
                end += 1
                continue
            self._add(chunk, data[start:end], first + start)
            start = end = end + len(newline)
        if len(data) - start > MAX_LINE:
            # The last character may be there in part.
            decoder = codecs.getincrementaldecoder(self._encoding)("replace")
            decoder.decode(data[start:])
            end = len(data) - len(decoder.getstate()[0])
            self._add(chunk, data[start:end], first + start)
            start = end
        self._rest, self._start_of_rest = data[start:], first + start
        chunk.end = self._start_of_rest
        return chunk

    def _add(self, chunk: Chunk, line: bytes, start: int) -> None:
        chunk.lines.append(line.decode(self._encoding, "replace"))
        chunk.starts.append(start)

    def _last(self) -> Chunk:
        """Return the line at the end that no line break follows, if there is one."""
        chunk = Chunk(self._content, self._start_of_rest + len(self._rest))
        if self._rest:
            self._add(chunk, self._rest, self._start_of_rest)
        self._rest, self._start_of_rest = b"", chunk.end
        return chunk
