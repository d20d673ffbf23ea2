"""What a request shows of who it is: a token, a name and a password, a remembered browser."""

import base64
import binascii
from typing import NamedTuple

from aiohttp import hdrs, web

from app.security.web import Role, User
from app.settings import Settings
from app.web.protection.seals import same
from app.web.protection.sessions import remembered


class Shown(NamedTuple):
    """What was found: a role, and whether there was something to guess wrong."""

    role: Role | None
    guessed: bool


def shown(request: web.Request, conf: Settings) -> Shown:
    """Give the role that a request has by what it shows."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return Shown(remembered(request, conf), guessed=False)
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            role = by_token(rest.strip(), conf)
        case "basic":
            role = by_password(*_read_basic(rest.strip()), conf)
        case _:
            role = None
    return Shown(role, guessed=True)


def by_token(token: str, conf: Settings) -> Role | None:
    """Give the role of a token; all are compared, so the time says nothing."""
    found: Role | None = None
    for known, role in conf.tokens.items():
        if same(token, known):
            found = role
    return found


def by_password(name: str, password: str, conf: Settings) -> Role | None:
    """Give the role of somebody with a password."""
    found: Role | None = None
    for user in conf.users:
        if _is(user, name, password):
            found = user.role
    return found


def _is(user: User, name: str, password: str) -> bool:
    # Both, always: which of them was wrong is nobody's business.
    return same(name, user.name) & same(password, user.password)


def _read_basic(text: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return name, password
