"""Sessions of browsers: a sealed cookie with the role and the time when it expires.

Any worker with the same keys accepts it. A session ends when it expires, when a token or a user in
the settings changes, or when its user signs out.
"""

import heapq
import logging
import re
import secrets
import time
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from eventfold.decoding import read_digits
from eventfold.private_files import private
from eventfold.security.keys import keys_of
from eventfold.security.web import Role
from eventfold.settings import Settings
from eventfold.web.protection.seals import holds, seal

#: Lifetime of a session (s).
LIFETIME = 12 * 3600

#: Tolerance (s) for another worker's clock that is ahead of ours when it seals a session.
AHEAD = 60

#: Maximum number of ended sessions kept. Beyond it the one with the earliest expiry is dropped, and
#: every session that expires no later counts as ended.
MOST = 50_000

#: Identity in the file for all sessions that expire by a time.
_ALL = "*"

_log = logging.getLogger(__name__)

_IDENTITY = re.compile(r"[A-Za-z0-9_-]{22}")


class Session(NamedTuple):
    """Session of a browser that signed in."""

    role: Role
    #: Expiry (s since the epoch).
    until: int
    #: Random and unique.
    identity: str


def cookie_name(conf: Settings) -> str:
    """Return the cookie's name, which has the app id: two ports of a host share their cookies."""
    return f"tickstream-{conf.app_id}"


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

    def has(self, session: Session) -> bool:
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
            _log.warning(
                "%s can't be read, so sessions that ended are valid again: %s", self._file, error
            )
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
            _log.warning(
                "%s can't be written, so sessions that ended are valid again after a restart: %s",
                self._file,
                error,
            )


class Sessions:
    """Sessions begun by this worker and others with the same keys, except those that ended."""

    def __init__(self, conf: Settings) -> None:
        self._conf = conf

    @cached_property
    def _key(self) -> bytes:
        return keys_of(self._conf).session

    @cached_property
    def _ended(self) -> EndedSessions:
        return EndedSessions(self._conf.data_directory / "ended-sessions")

    def remember(self, response: web.StreamResponse, role: Role, *, secure: bool) -> None:
        """Begin a session: set its cookie, which no script can read and no other site can send."""
        until, identity = str(int(time.time()) + LIFETIME), secrets.token_urlsafe(16)
        proof = seal(self._key, self._conf.app_id, role, until, identity)
        response.set_cookie(
            cookie_name(self._conf),
            f"{role}.{until}.{identity}.{proof}",
            max_age=LIFETIME,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=secure,
        )

    def forget(self, response: web.StreamResponse) -> None:
        """Remove the cookie from the browser."""
        name = cookie_name(self._conf)
        response.del_cookie(name, path="/", httponly=True, samesite="Strict")

    def of(self, request: web.BaseRequest) -> Session | None:
        """Return the valid session of a request's cookie, else None."""
        cookie = request.cookies.get(cookie_name(self._conf))
        if cookie is None or not self._conf.web_protected:
            return None
        role, until, identity, proof = (*cookie.split(".", 3), "", "", "", "")[:4]
        if not holds(self._key, proof, self._conf.app_id, role, until, identity):
            return None
        session = _session(role, until, identity)
        return None if session is None or self._ended.has(session) else session

    def end(self, session: Session) -> None:
        """End a session, also for anybody with a copy of its cookie."""
        self._ended.add(session.until, session.identity)


def read_ending(until: str, identity: str) -> Session | None:
    """Parse a session that another worker ended, with the role `read`; None if it is invalid."""
    return _session("read", until, identity)


def _session(role: str, until: str, identity: str) -> Session | None:
    """Return the session; None if it is malformed, expired, or expires later than one may."""
    if not (until.isascii() and until.isdigit() and len(until) < 20):
        return None
    now = time.time()
    if not (now <= int(until) <= now + LIFETIME + AHEAD and _IDENTITY.fullmatch(identity)):
        return None
    return Session("admin" if role == "admin" else "read", int(until), identity)
