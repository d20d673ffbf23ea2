"""Credentials in the header `Authorization`: a token, or a name and a password."""

import base64
import binascii
from typing import NamedTuple

from aiohttp import hdrs, web

from eventfold.security.web import Role
from eventfold.settings import Settings
from eventfold.web.protection.seals import same


class Shown(NamedTuple):
    """Credentials: `word` is a password if there is a `name`, else a token."""

    name: str
    word: str


def shown(request: web.Request) -> Shown | None:
    """Return the credentials of a request, empty if they are malformed; None without any."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return None
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return Shown("", rest.strip())
        case "basic":
            return Shown(*_read_basic(rest.strip()))
        case _:
            return Shown("", "")


def by_token(token: str, conf: Settings) -> Role | None:
    """Return the role of a token, None if unknown.

    All tokens are compared, so that the time does not depend on which one matches.
    """
    found: Role | None = None
    for known, role in conf.tokens.items():
        if same(token, known):
            found = role
    return found


def _read_basic(text: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return name, password
