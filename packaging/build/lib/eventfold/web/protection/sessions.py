"""Sessions of browsers: a sealed cookie with the role and the time when it expires.

Any worker with the same keys accepts it. A session ends when it expires, when a token or a user in
the settings changes, or when its user signs out (see `ended`).
"""

import re
import secrets
import time
from functools import cached_property
from typing import NamedTuple

from aiohttp import web

from eventfold.security.keys import keys_of
from eventfold.security.web import Role
from eventfold.settings import Settings
from eventfold.web.protection.ended import EndedSessions
from eventfold.web.protection.seals import holds, seal

#: Lifetime of a session (s).
LIFETIME = 12 * 3600

#: Tolerance (s) for another worker's clock that is ahead of ours when it seals a session.
AHEAD = 60

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
        role, until, identity, proof = _parts(cookie)
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


def _parts(value: str) -> tuple[str, str, str, str]:
    role, until, identity, proof = (*value.split(".", 3), "", "", "", "")[:4]
    return role, until, identity, proof


def _session(role: str, until: str, identity: str) -> Session | None:
    """Return the session; None if it is malformed, expired, or expires later than one may."""
    if not (until.isascii() and until.isdigit() and len(until) < 20):
        return None
    now = time.time()
    if not (now <= int(until) <= now + LIFETIME + AHEAD and _IDENTITY.fullmatch(identity)):
        return None
    return Session("admin" if role == "admin" else "read", int(until), identity)
