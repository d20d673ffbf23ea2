"""`/login`, `/logout`: the sign-in page and the sessions of browsers.

The page is a plain form, which needs no script and works with password managers. No script can
read the cookie that it sets. EventSource sends the cookie, although it can't send a header.
"""

import html
import logging
from http import HTTPStatus
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from aiohttp import hdrs, web
from faust.types import AppT
from yarl import URL

from eventfold.security.web import Role
from eventfold.settings import Settings
from eventfold.web.application import APP
from eventfold.web.errors import ApiError, unknown
from eventfold.web.protection.addresses import CONF, client_of, is_from_proxy
from eventfold.web.protection.credentials import Credentials
from eventfold.web.protection.middleware import GUARD, Guard
from eventfold.web.protection.sessions import LIFETIME, Session, read_ending
from eventfold.web.query.peers import ask, remote_workers

_PAGE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))

_log = logging.getLogger(__name__)

_FORM = "application/x-www-form-urlencoded"


def add_login(application: web.Application, conf: Settings) -> None:
    """Add the sign-in routes, the settings and the guard of all other routes."""
    application[CONF] = conf
    application[GUARD] = Guard(conf)
    application.router.add_get("/login", _show)
    application.router.add_post("/login", _sign_in)
    application.router.add_post("/logout", _sign_out)
    application.router.add_get("/logout/{until}/{identity}", _end)


async def _show(request: web.Request) -> web.StreamResponse:
    conf = request.app[CONF]
    if not conf.web_protected:
        raise web.HTTPSeeOther("/")
    session = request.app[GUARD].sessions.of(request)
    return _page(
        conf, _local(request.query.get("next", "")), role=session.role if session else None
    )


async def _sign_in(request: web.Request) -> web.StreamResponse:
    conf, guard = request.app[CONF], request.app[GUARD]
    form = await _form(request)
    place, client = _local(form.get("next", "")), client_of(request, conf)
    role = await guard.identify(Credentials(form.get("name", ""), form.get("word", "")), client)
    if role is None:
        page = _page(conf, place, message="The token, or the name and password, are wrong.")
        page.set_status(HTTPStatus.UNAUTHORIZED)
        return page
    guard.count_sign_in(client)
    # Returned, since a redirect that is raised would lose the cookie.
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: place})
    guard.sessions.remember(response, role, secure=_is_encrypted(request))
    return response


async def _sign_out(request: web.Request) -> web.StreamResponse:
    """End the session at this worker and at all other workers that answer."""
    sessions = request.app[GUARD].sessions
    session = sessions.of(request)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: "/login"})
    sessions.forget(response)
    if session:
        sessions.end(session)
        await _end_at_others(request.app[APP], session)
    return response


async def _end_at_others(app: AppT, session: Session) -> None:
    path = URL(f"/logout/{session.until}/{session.identity}")
    for reply in await ask(app, remote_workers(app), path):
        if reply.body is None:
            _log.warning(
                "worker %s accepts a session that has ended, for %d h at most: %s",
                *(reply.worker, LIFETIME // 3600, reply.failure or "it refused to end it"),
            )


async def _end(request: web.Request) -> web.StreamResponse:
    """End a session for another worker or an admin. Raises ApiError (404) on an open web server."""
    if not request.app[CONF].web_protected:
        raise unknown("there is no sign-in here")
    session = read_ending(request.match_info["until"], request.match_info["identity"])
    if session:
        request.app[GUARD].sessions.end(session)
    return web.json_response({})


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
    """Return `place` if it is a path of this worker, else that of the dashboard."""
    is_path = place.startswith("/") and not place.startswith(("//", "/\\"))
    plain = place.isascii() and place.isprintable() and "\\" not in place
    return place if is_path and plain else "/"


def _is_encrypted(request: web.Request) -> bool:
    forwarded = request.headers.get("X-Forwarded-Proto") == "https"
    return request.secure or (forwarded and is_from_proxy(request, request.app[CONF]))


def _page(
    conf: Settings, place: str, *, message: str = "", role: Role | None = None
) -> web.Response:
    text = _PAGE.substitute(
        application=html.escape(conf.app_id),
        next=html.escape(place),
        message=html.escape(message),
        quiet="hidden" if not message else "",
        signed_in="" if role else "hidden",
        role=role or "",
    )
    # With `no-referrer`, as other answers have, a browser would send `Origin: null` with the form.
    headers = {"Referrer-Policy": "same-origin"}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)
