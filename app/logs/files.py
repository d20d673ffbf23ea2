"""Reader of a log file as it lies on disk: once, or following it as it grows and is rotated."""

import asyncio
import codecs
import gzip
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

#: Bytes read at a time.
CHUNK = 256 * 1024
#: Seconds between two checks of a file that has not grown.
POLL = 0.25
#: Most characters of a line; a longer one is read as several.
MAX_LINE = 1 << 20
#: First bytes of a file by which a new content in the same file is noticed.
_HEAD = 256

_GZIP = b"\x1f\x8b"
_ENCODINGS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class UnreadableLogError(Exception):
    """A log file that can't be read; its message is one line naming it."""


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
        self._head = b""
        self._decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._was_rotated = False
        self._known: os.stat_result
        #: Number of rotations and truncations seen.
        self.restarts = 0

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

    async def chunks(self) -> AsyncIterator[list[str]]:
        """Yield lines, some at a time; none where the file has not grown since the last time.

        Ends at the end of the file, unless it is followed. Raises UnreadableLogError if it can't be
        opened, read or decompressed.
        """
        with self._open:
            self._start(self._opened())
            if self._skip:
                self._raw_file().seek(0, os.SEEK_END)
            self._stat()
            while True:
                if self._follow and self._was_truncated() and self._rest:
                    yield [self._take_rest()]
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
                    yield []
                    await asyncio.sleep(POLL)

    def _raw_file(self) -> IO[bytes]:
        assert self._raw is not None  # noqa: S101 - opened before anything is read
        return self._raw

    def _opened(self) -> IO[bytes]:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error

    def _start(self, raw: IO[bytes]) -> None:
        """Read from the beginning of a file just opened."""
        self._open.close()
        self._open.enter_context(raw)
        self._raw, self._was_rotated = raw, False
        head = os.pread(raw.fileno(), 4, 0)
        is_packed = head.startswith(_GZIP)
        if is_packed and self._follow:
            raise UnreadableLogError(f"{self._path}: a compressed file can't be followed")
        self._file = self._open.enter_context(gzip.GzipFile(fileobj=raw)) if is_packed else raw
        self._begin(head)

    def _begin(self, head: bytes) -> None:
        """Forget what was read: what follows is the beginning of a content."""
        encoding = next((name for bom, name in _ENCODINGS if head.startswith(bom)), "utf-8")
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._head = b""

    def _unreadable(self, error: Exception) -> UnreadableLogError:
        return UnreadableLogError(f"{self._path}: {getattr(error, 'strerror', None) or error}")

    def _read(self) -> bytes:
        try:
            return bytes(self._file.read(CHUNK))
        except (OSError, EOFError) as error:
            raise self._unreadable(error) from error

    def _was_truncated(self) -> bool:
        """Go to the beginning of a file that has become shorter, or has another beginning."""
        raw = self._raw_file()
        head = os.pread(raw.fileno(), _HEAD, 0)
        is_same = head.startswith(self._head) and self.size >= raw.tell()
        if is_same:
            self._head = head
            return False
        raw.seek(0)
        self._begin(head)
        self._head = head
        self.restarts += 1
        return True

    def _next_file(self) -> IO[bytes] | None:
        """Open the file that has taken the place of the one that was read to its end, if any.

        A writer may go on with the old one for a moment: it is read once more, after a pause.
        """
        try:
            there = self._path.stat()
            here = os.fstat(self._raw_file().fileno())
            if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
                return None
            if not self._was_rotated:
                self._was_rotated = True
                return None
            following = self._path.open("rb")
        except OSError:  # not there yet
            return None
        self.restarts += 1
        return following

    def _split(self, data: bytes) -> list[str]:
        text = self._rest + self._decoder.decode(data)
        *lines, self._rest = text.split("\n")
        if len(self._rest) > MAX_LINE:
            lines.append(self._take_rest())
        return lines

    def _take_rest(self) -> str:
        rest, self._rest = self._rest, ""
        return rest

    def _last(self) -> list[str]:
        """Return the line at the end that no line break follows, if there is one."""
        rest = self._take_rest() + self._decoder.decode(b"", final=True)
        return [rest] if rest else []
