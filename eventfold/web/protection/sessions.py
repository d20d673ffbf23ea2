"""How a browser is remembered: a cookie that says until when it has which role, and is sealed.

Any worker with the same keys knows it. It ends with its time, as soon as a token or a user of the
settings changes, and when somebody signs out: see `ended`.
"""

import re
import secrets
import time
from functools import cached_property
from typing import NamedTuple

from aiohttp import web

from app.settings import Settings
from eventfold.security.keys import keys_of
from eventfold.security.web import Role
from eventfold.web.protection.ended import EndedSessions
from eventfold.web.protection.seals import holds, seal

#: Seconds that a browser is remembered.
LIFETIME = 12 * 3600

#: How far another worker's clock may be ahead of ours (s), for what it has sealed.
AHEAD = 60

_IDENTITY = re.compile(r"[A-Za-z0-9_-]{22}")


class Session(NamedTuple):
    """A browser that signed in."""

    role: Role
    #: Seconds since the epoch.
    until: int
    #: Random: no two sessions have the same.
    identity: str


def cookie_name(conf: Settings) -> str:
    """Return the cookie's name: browsers don't tell two ports of a host apart."""
    return f"tickstream-{conf.app_id}"


class Sessions:
    """Those that this worker and others of the same keys have begun, but for those that ended."""

    def __init__(self, conf: Settings) -> None:
        self._conf = conf

    @cached_property
    def _key(self) -> bytes:
        return keys_of(self._conf).session

    @cached_property
    def _ended(self) -> EndedSessions:
        return EndedSessions(self._conf.data_directory / "ended-sessions")

    def remember(self, response: web.StreamResponse, role: Role, *, secure: bool) -> None:
        """Begin one. No script of the browser's can read it, no other site's page send it."""
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
        """Return the session of the browser that asks, if it has one that holds."""
        cookie = request.cookies.get(cookie_name(self._conf))
        if cookie is None or not self._conf.web_protected:
            return None
        role, until, identity, proof = _parts(cookie)
        if not holds(self._key, proof, self._conf.app_id, role, until, identity):
            return None
        session = _session(role, until, identity)
        return None if session is None or self._ended.has(session) else session

    def end(self, session: Session) -> None:
        """End one, for who has its cookie as well."""
        self._ended.add(session.until, session.identity)


def read_ending(until: str, identity: str) -> Session | None:
    """Return the session that another worker has ended, whatever its role; None if it is none."""
    return _session("read", until, identity)


def _parts(value: str) -> tuple[str, str, str, str]:
    role, until, identity, proof = (*value.split(".", 3), "", "", "", "")[:4]
    return role, until, identity, proof


def _session(role: str, until: str, identity: str) -> Session | None:
    """Return it while it lasts, which is no longer than a session may, whoever has sealed it."""
    if not (until.isascii() and until.isdigit() and len(until) < 20):
        return None
    now = time.time()
    if not (now <= int(until) <= now + LIFETIME + AHEAD and _IDENTITY.fullmatch(identity)):
        return None
    return Session("admin" if role == "admin" else "read", int(until), identity)
