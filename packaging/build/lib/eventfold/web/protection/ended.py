"""Ended sessions: revoked before their expiry, so that their cookies are no longer valid."""

import heapq
import logging
import time
from pathlib import Path
from typing import Protocol

from eventfold.digits import read_digits
from eventfold.private_files import private

#: Maximum number of ended sessions kept. Beyond it the one with the earliest expiry is dropped, and
#: every session that expires no later counts as ended.
MOST = 50_000

#: Identity in the file for all sessions that expire by a time.
_ALL = "*"

_log = logging.getLogger(__name__)


class _Session(Protocol):
    @property
    def until(self) -> int: ...
    @property
    def identity(self) -> str: ...


class EndedSessions:
    """Set of ended sessions, kept in a file so that a restart does not make them valid again."""

    def __init__(self, file: Path, most: int = MOST) -> None:
        self._file = file
        self._most = most
        self._known: set[str] = set()
        #: Heap of (expiry, identity), the earliest expiry on top.
        self._by_end: list[tuple[int, str]] = []
        #: All sessions that expire by this time (s since the epoch) count as ended.
        self._before = 0
        #: Number of lines of the file.
        self._lines = 0
        self._load()

    def has(self, session: _Session) -> bool:
        """Return whether a session was ended before its expiry."""
        return session.until <= self._before or session.identity in self._known

    def add(self, until: int, identity: str) -> None:
        """End the session with this identity, which would expire at `until` (s since the epoch)."""
        if identity in self._known or until <= self._before:
            return
        self._note(until, identity)
        self._lines += 1
        if self._lines > 2 * self._most:
            self._write_all()
        else:
            self._write("a", f"{until} {identity}\n")

    def _note(self, until: int, identity: str) -> None:
        self._known.add(identity)
        heapq.heappush(self._by_end, (until, identity))
        now = time.time()
        while self._by_end and (self._by_end[0][0] < now or len(self._known) > self._most):
            ends, forgotten = heapq.heappop(self._by_end)
            self._known.discard(forgotten)
            if ends >= now:
                self._before = max(self._before, ends)

    def _load(self) -> None:
        try:
            lines = self._file.read_text("ascii").splitlines()
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            _log.warning("%s can't be read, sessions that ended may go on: %s", self._file, error)
            return
        for until, _, identity in (line.partition(" ") for line in lines):
            ends = read_digits(until)
            if not identity or ends is None:
                continue  # a line cut off when the worker was killed
            if identity == _ALL:
                self._before = max(self._before, ends)
            else:
                self._note(ends, identity)
        self._write_all()

    def _write_all(self) -> None:
        self._lines = len(self._by_end)
        kept = [(self._before, _ALL), *self._by_end]
        self._write("w", "".join(f"{until} {identity}\n" for until, identity in kept))

    def _write(self, mode: str, text: str) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with open(self._file, mode, encoding="ascii", opener=private) as file:
                file.write(text)
        except OSError as error:
            _log.warning("%s can't be written, by a restart sessions go on: %s", self._file, error)
