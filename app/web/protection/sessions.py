"""How a browser is remembered: a cookie that says until when it has which role, and is sealed.

Nothing is kept here, so any worker of the application knows it; it ends with its time, or as soon
as a token or a user of the settings changes.
"""

import time

from aiohttp import web

from app.security.web import Role
from app.settings import Settings
from app.web.protection.seals import holds, seal

#: Seconds that a browser is remembered.
LIFETIME = 12 * 3600


def cookie_name(conf: Settings) -> str:
    """Give the cookie's name: browsers don't tell two ports of a host apart."""
    return f"tickstream-{conf.app_id}"


def remember(response: web.StreamResponse, conf: Settings, role: Role, *, secure: bool) -> None:
    """Let the browser show this role from now on; no script can read it, no other site send it."""
    until = str(int(time.time()) + LIFETIME)
    value = f"{role}.{until}.{seal(conf.session_key, conf.app_id, role, until)}"
    response.set_cookie(
        cookie_name(conf),
        value,
        max_age=LIFETIME,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=secure,
    )


def forget(response: web.StreamResponse, conf: Settings) -> None:
    """Let the browser forget who it was."""
    response.del_cookie(cookie_name(conf), path="/", httponly=True, samesite="Strict")


def remembered(request: web.BaseRequest, conf: Settings) -> Role | None:
    """Give the role of a browser we remember."""
    role, _, rest = request.cookies.get(cookie_name(conf), "").partition(".")
    until, _, proof = rest.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 20):
        return None
    if int(until) < time.time() or not holds(conf.session_key, proof, conf.app_id, role, until):
        return None
    return "admin" if role == "admin" else "read"
