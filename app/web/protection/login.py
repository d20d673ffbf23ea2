"""`/login`, `/logout`: a page that asks people who they are, and lets their browser remember it.

It is a plain form: it needs no script, and password managers know it. The cookie it sets can be
read by no script and is sent along by EventSource, which can't send a header.
"""

import html
from http import HTTPStatus
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, urlsplit

from aiohttp import hdrs, web

from app.security.web import Role
from app.settings import Settings
from app.web.errors import ApiError
from app.web.protection.addresses import client_of, is_from_proxy
from app.web.protection.credentials import by_password, by_token
from app.web.protection.keys import CONF
from app.web.protection.middleware import GUARD, Guard
from app.web.protection.sessions import forget, remember, remembered

_PAGE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))

_FORM = "application/x-www-form-urlencoded"


def add_login(application: web.Application, conf: Settings) -> None:
    """Add the page, and what guards all others."""
    application[CONF] = conf
    application[GUARD] = Guard(conf)
    application.router.add_get("/login", _show)
    application.router.add_post("/login", _sign_in)
    application.router.add_post("/logout", _sign_out)


async def _show(request: web.Request) -> web.StreamResponse:
    conf = request.app[CONF]
    if not conf.web_protected:
        raise web.HTTPSeeOther("/")
    return _page(_local(request.query.get("next", "")), role=remembered(request, conf))


async def _sign_in(request: web.Request) -> web.StreamResponse:
    conf, guard = request.app[CONF], request.app[GUARD]
    form = await _form(request)
    place, client = _local(form.get("next", "")), client_of(request, conf)
    guard.demand_guess(client)
    name, word = form.get("name", ""), form.get("word", "")
    role = by_password(name, word, conf) if name else by_token(word, conf)
    if role is None:
        guard.guess(client)
        page = _page(place, message="That is not known here. Look at it again?")
        page.set_status(HTTPStatus.UNAUTHORIZED)
        return page
    # Raised, a redirect would lose the cookie.
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: place})
    remember(response, conf, role, secure=_is_encrypted(request))
    return response


async def _sign_out(request: web.Request) -> web.StreamResponse:
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: "/login"})
    forget(response, request.app[CONF])
    return response


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != _FORM:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise ApiError(status, "unsupported", f"a form is sent as {_FORM}")
    try:
        fields = parse_qs((await request.read()).decode("utf-8"), max_num_fields=10)
    except ValueError:
        raise ApiError(HTTPStatus.BAD_REQUEST, "bad-form", "the form can't be read") from None
    return {name: values[-1] for name, values in fields.items()}


def _local(place: str) -> str:
    """Give a path of this worker: what is anything else leads to the dashboard."""
    parts = urlsplit(place)
    is_path = place.startswith("/") and not place.startswith(("//", "/\\"))
    plain = place.isascii() and place.isprintable() and "\\" not in place
    return place if is_path and plain and not (parts.scheme or parts.netloc) else "/"


def _is_encrypted(request: web.Request) -> bool:
    told = request.headers.get("X-Forwarded-Proto") == "https"
    return request.secure or (told and is_from_proxy(request, request.app[CONF]))


def _page(place: str, *, message: str = "", role: Role | None = None) -> web.Response:
    text = _PAGE.substitute(
        next=html.escape(place),
        message=html.escape(message),
        quiet="hidden" if not message else "",
        signed_in="" if role else "hidden",
        role=role or "",
    )
    # With `no-referrer`, as elsewhere, a browser would not say which site its forms come from.
    headers = {"Referrer-Policy": "same-origin"}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)
