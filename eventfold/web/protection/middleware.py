"""What a request goes through before its handler sees it, in this order."""

import asyncio
import ipaddress
import logging
import math
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from app.settings import Settings
from eventfold.security.web import Role
from eventfold.web.errors import ApiError, unavailable
from eventfold.web.peers import FORWARDED
from eventfold.web.protection.addresses import client_of
from eventfold.web.protection.bodies import receive
from eventfold.web.protection.cors import preflight
from eventfold.web.protection.credentials import Shown, by_token, shown
from eventfold.web.protection.keys import CONF, SIGNED
from eventfold.web.protection.passwords import Passwords
from eventfold.web.protection.peers import IN_COMMON, SIGNATURE, Peers, digest_of
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import note
from eventfold.web.protection.roles import allows, role_for
from eventfold.web.protection.sessions import Sessions

#: Seconds that a client may send twice its rate.
BURST = 2.0

#: Wrong tokens or passwords that a client may show at once, and seconds until one more.
GUESSES, NEXT_GUESS = 10, 6.0

#: Sign-ins of a client at once; then as guesses. Each that ends is remembered for its time.
SIGN_INS = 60

#: Requests that may wait for a password of theirs to be looked at: one is at a time.
CHECKS = 16

#: Methods that change nothing.
_READING = {hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS}

_log = logging.getLogger(__name__)


class Guard:
    """Lets a request through, or raises ApiError: 401, 403, 408, 413, 421, 429, 503.

    `limit` comes first, before the application has seen the request.
    """

    def __init__(self, conf: Settings) -> None:
        self._conf = conf
        rate = conf.web_rate
        self._rate = Rate(rate, max(1.0, BURST * rate)) if rate else None
        self._guesses = Rate(1 / NEXT_GUESS, GUESSES)
        self._sign_ins = Rate(1 / NEXT_GUESS, SIGN_INS)
        self._passwords = Passwords(conf.users)
        #: One at a time is looked at: each takes memory and a core.
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._peers = Peers(conf)
        self.sessions = Sessions(conf)

    def limit(self, request: web.Request) -> None:
        """Count the request to its client. Raises ApiError (429) where that sends too many.

        Whatever else it is, it is counted: a preflight, a wrong signature, a path of nothing.
        """
        signed = self._conf.web_protected and SIGNATURE in request.headers
        request[SIGNED] = self._peers.take(request) if signed else None
        if request[SIGNED] is None:
            self._slow_down(client_of(request, self._conf))

    async def admit(self, request: web.Request) -> None:
        """Return if the request may go on to its handler."""
        digest = self._signed_digest(request)
        if digest is None:
            client = client_of(request, self._conf)
            self._check_host(request)
            _check_origin(request)
            await self._check_role(request, client)
        await receive(request)
        if digest is not None and digest_of(await request.read()) != digest:
            raise _unsigned()

    async def identify(self, given: Shown, client: str) -> Role | None:
        """Return the role that a client has by what it shows, and count what is wrong.

        Raises ApiError: 429 where too much was, 503 where too many show passwords at once.
        """
        self._demand_guess(client)
        if given.name:
            return await self._by_password(given, client)
        return self._counted(by_token(given.word, self._conf), client)

    def demand_sign_in(self, client: str) -> None:
        """Raise ApiError (429) if a client begins more sessions than people do."""
        wait = self._sign_ins.take(client)
        if wait:
            raise _too_many("rate", wait, "too many sign-ins")

    async def _by_password(self, given: Shown, client: str) -> Role | None:
        role = self._passwords.recall(*given)
        if role:
            return role
        if self._waiting >= CHECKS:
            note("rate")
            raise unavailable("many passwords are being looked at: try again")
        self._waiting += 1
        try:
            async with self._turn:
                # Others of its guesses may have been wrong meanwhile.
                self._demand_guess(client)
                role = await asyncio.to_thread(self._passwords.check, *given)
                return self._counted(role, client)
        finally:
            self._waiting -= 1

    def _counted(self, role: Role | None, client: str) -> Role | None:
        if role is None:
            note("credentials")
            _log.warning("%s shows a token or a password that is not known here", client)
            self._guesses.take(client)
        return role

    def _demand_guess(self, client: str) -> None:
        wait = self._guesses.wait(client)
        if wait:
            raise _too_many("rate", wait, "too many wrong tokens or passwords")

    def _signed_digest(self, request: web.Request) -> str | None:
        """Return the digest of the body that another worker has signed; None for who is none."""
        if not self._conf.web_protected:
            return None
        digest = request.get(SIGNED)
        if digest is None and (FORWARDED in request.headers or SIGNATURE in request.headers):
            raise _unsigned()
        return digest

    def _slow_down(self, client: str) -> None:
        wait = self._rate.take(client) if self._rate else 0.0
        if wait:
            raise _too_many("rate", wait, f"more than {self._conf.web_rate:g} requests a second")

    def _check_host(self, request: web.Request) -> None:
        """Refuse a page that has its own name resolve to this machine (DNS rebinding).

        Its name has a dot, as all that strangers can register.
        """
        conf = self._conf
        if conf.web_protected:
            return
        name = request.host.rsplit(":", 1)[0] if request.host[-1:] != "]" else request.host
        known = map(str.lower, (conf.web_host, *conf.web_hosts))
        if "." not in name or "*" in conf.web_hosts or _is_address(name) or name.lower() in known:
            return
        note("host")
        message = f"this worker is not known as {name!r}: TICKSTREAM_WEB_HOSTS says which names are"
        raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, "misdirected", message)

    async def _check_role(self, request: web.Request, client: str) -> None:
        needed = role_for(request.method, request.path)
        if not self._conf.web_protected or (needed is None and request.path != "/"):
            return
        role = await self._role(request, client)
        if role is None and _is_page(request):
            raise web.HTTPSeeOther(f"/login?next={quote(request.rel_url.raw_path_qs, safe='/')}")
        if not allows(role, needed):
            raise self._denied(request, role, needed)

    async def _role(self, request: web.Request, client: str) -> Role | None:
        given = shown(request)
        if given is not None:
            return await self.identify(given, client)
        session = self.sessions.of(request)
        return session.role if session else None

    def _denied(self, request: web.Request, role: Role | None, needed: Role | None) -> ApiError:
        note("role")
        if role:
            message = f"{request.path} is for {needed}s"
            return ApiError(HTTPStatus.FORBIDDEN, "forbidden", message)
        challenges = ['Bearer realm="tickstream"']
        # A browser would put up its own window, over a page that asks in its own words.
        if self._conf.users and "Sec-Fetch-Mode" not in request.headers:
            challenges.append('Basic realm="tickstream", charset="UTF-8"')
        return ApiError(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "say who you are: Authorization: Bearer TOKEN, or sign in at /login",
            {"WWW-Authenticate": ", ".join(challenges)},
        )


GUARD: web.AppKey[Guard] = web.AppKey("GUARD", Guard)


@web.middleware
async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through what may be, and end the connection of what sends too much."""
    answer = preflight(request, request.app[CONF])
    if answer is not None:
        return answer
    try:
        await request.app[GUARD].admit(request)
    except ApiError as error:
        response = error.response()
        if request.can_read_body:
            # What is still to come of it is not worth waiting for.
            response.force_close()
        return response
    return await handler(request)


def _check_origin(request: web.Request) -> None:
    """Refuse what another site's page would change here with the browser of who reads it.

    Browsers say which site a page is of, programs nothing. Raises ApiError.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    own = {f"http://{request.host}", f"https://{request.host}"} if request.host else set()
    if request.method in _READING or origin is None or origin in own:
        return
    note("origin")
    message = "only the worker's own pages may send this, not another site's"
    raise ApiError(HTTPStatus.FORBIDDEN, "forbidden", message)


def _unsigned() -> ApiError:
    note("credentials")
    return ApiError(
        HTTPStatus.FORBIDDEN,
        "forbidden",
        f"this question is not signed as another worker's are: all have {IN_COMMON}",
    )


def _too_many(reason: str, wait: float, what: str) -> ApiError:
    note(reason)
    headers = {"Retry-After": str(math.ceil(wait))}
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, "too-many", what, headers)


def _is_page(request: web.Request) -> bool:
    """Say whether a person opens a page, as far as can be told."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return mode == "navigate" and "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
