"""Credentials in the header `Authorization`, their role, and the role that a path needs."""

import base64
import binascii
import hmac
import secrets
from functools import cached_property
from typing import NamedTuple

from aiohttp import hdrs, web

from eventfold.security.passwords import hash_password, is_hash, is_right
from eventfold.security.web import Role, User
from eventfold.settings import Settings
from eventfold.web.protection.seals import are_equal

#: Paths without a role, which return no data: probes, and what a browser needs for the sign-in.
OPEN = {"/", "/healthz", "/readyz", "/login", "/logout"}

_OPEN_BELOW = ("/static/", "/pages/")
_READ = {"/metrics", "/openapi.json"}
_READ_BELOW = "/api/"
#: Schema registry: GET needs `read`, all other methods `admin`.
_REGISTRY = "/registry/"


class Credentials(NamedTuple):
    """Credentials of a client: `secret` is a password if there is a `name`, else a token."""

    name: str
    secret: str


def credentials_of(request: web.Request) -> Credentials | None:
    """Return the credentials of a request, empty if they are malformed; None without any."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return None
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return Credentials("", rest.strip())
        case "basic":
            return Credentials(*_read_basic(rest.strip()))
        case _:
            return Credentials("", "")


def by_token(token: str, conf: Settings) -> Role | None:
    """Return the role of a token, None if unknown."""
    # All tokens are compared, so that the time does not depend on which one matches.
    found: Role | None = None
    for known, role in conf.tokens.items():
        if are_equal(token, known):
            found = role
    return found


def _read_basic(text: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return name, password


class Passwords:
    """Users and the hashes of their passwords."""

    def __init__(self, users: tuple[User, ...]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        #: Keyed digest of a name and its right password → role; the key is this process's own.
        self._right: dict[bytes, Role] = {}

    def recall(self, name: str, password: str) -> Role | None:
        """Return the role for a name and password that were right before, else None."""
        return self._right.get(self._digest(name, password))

    def check(self, name: str, password: str) -> Role | None:
        """Return the role of a user with this password, else None; takes a tenth of a second."""
        # An unknown name takes as long, so that the time does not show which of the two was wrong.
        hashes = self._hashes.get(name) or {self._nobody: None}
        for hashed, role in hashes.items():
            if is_right(password, hashed) and role:
                self._right[self._digest(name, password)] = role
                return role
        return None

    @cached_property
    def _hashes(self) -> dict[str, dict[str, Role | None]]:
        found: dict[str, dict[str, Role | None]] = {}
        for user in self._users:
            kept = user.password if is_hash(user.password) else hash_password(user.password)
            found.setdefault(user.name, {})[kept] = user.role
        return found

    @cached_property
    def _nobody(self) -> str:
        return hash_password(secrets.token_hex(16))

    def _digest(self, name: str, password: str) -> bytes:
        text = f"{len(name)}:{name}{password}".encode(errors="surrogateescape")
        return hmac.digest(self._key, text, "sha256")


def role_for(method: str, path: str) -> Role | None:
    """Return the role that a request for `path` needs; None if it needs none."""
    # Paths that are not of this project need `admin`: Faust's own views, pages of users' agents.
    if path in OPEN or path.startswith(_OPEN_BELOW):
        return None
    if path in _READ or path.startswith(_READ_BELOW):
        return "read"
    return "read" if method == "GET" and path.startswith(_REGISTRY) else "admin"


def allows(role: Role | None, needed: Role | None) -> bool:
    """Return whether a client with `role` may do what needs `needed`."""
    return needed is None or role in {"admin", needed}
