"""Checks of a request before its handler sees it, in their order."""

import asyncio
import ipaddress
import logging
import math
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from eventfold.security.web import Role
from eventfold.settings import Settings
from eventfold.web.errors import ApiError, unavailable
from eventfold.web.protection.addresses import CONF, client_of
from eventfold.web.protection.bodies import receive
from eventfold.web.protection.credentials import Passwords, Shown, allows, by_token, role_for, shown
from eventfold.web.protection.headers import preflight
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import note
from eventfold.web.protection.sessions import Sessions
from eventfold.web.protection.signatures import IN_COMMON, SIGNATURE, SIGNED, Peers, digest_of
from eventfold.web.query.peers import FORWARDED

#: Burst of a client after a pause, in seconds of its rate.
BURST = 2.0

#: Burst of wrong tokens or passwords of a client, and seconds until one more is allowed.
GUESSES, NEXT_GUESS = 10, 6.0

#: Burst of sign-ins of a client, then one every `NEXT_GUESS` seconds: each session that ends early
#: is kept until its expiry.
SIGN_INS = 60

#: Maximum number of requests that check a password or wait for that; one is checked at a time.
CHECKS = 16

#: Methods that change nothing.
_READING = {hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS}

_log = logging.getLogger(__name__)


class Guard:
    """Guard that admits a request, or raises ApiError: 401, 403, 408, 413, 421, 429, 503.

    A page opened without a role is redirected to `/login` (web.HTTPSeeOther). `limit` comes first,
    before the application sees the request.
    """

    def __init__(self, conf: Settings) -> None:
        self._conf = conf
        rate = conf.web_rate
        self._rate = Rate(rate, max(1.0, BURST * rate)) if rate else None
        self._guesses = Rate(1 / NEXT_GUESS, GUESSES)
        self._sign_ins = Rate(1 / NEXT_GUESS, SIGN_INS)
        self._passwords = Passwords(conf.users)
        #: Passwords are checked one at a time: each check takes memory and a core.
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._peers = Peers(conf)
        self.sessions = Sessions(conf)

    def limit(self, request: web.Request) -> None:
        """Count a request against its client's rate. Raises ApiError (429) beyond the rate.

        Counts every request, also a preflight, a wrong signature or an unknown path, except those
        that another worker has signed.
        """
        signed = self._conf.web_protected and SIGNATURE in request.headers
        request[SIGNED] = self._peers.take(request) if signed else None
        if request[SIGNED] is None:
            self._slow_down(client_of(request, self._conf))

    async def admit(self, request: web.Request) -> None:
        """Read the body and return if the request may go on to its handler, else raise."""
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
        """Return the role of the credentials `given`; None if they are wrong, which is counted.

        Raises ApiError: 429 after too many wrong ones, 503 if too many passwords wait for a check.
        """
        self._demand_guess(client)
        if given.name:
            return await self._by_password(given, client)
        return self._counted(by_token(given.word, self._conf), client)

    def demand_sign_in(self, client: str) -> None:
        """Count a sign-in. Raises ApiError (429) if a client begins too many sessions."""
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
                # Other guesses of the client may have failed while this one waited.
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
        """Return the body digest signed by another worker; None for a request of a client.

        Raises ApiError (403) if the request claims to be of another worker without a valid
        signature.
        """
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
        """Refuse a page whose own host name resolves to this machine (DNS rebinding).

        Only names with a dot are refused, since any name that a stranger can register has one.
        Raises ApiError (421). A protected server needs no check.
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
        # A browser would show its own password dialog over the sign-in page.
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
    """Answer preflights, pass admitted requests on, and answer others with the error.

    The connection of a refused request is closed if its body has not been read.
    """
    answer = preflight(request, request.app[CONF])
    if answer is not None:
        return answer
    try:
        await request.app[GUARD].admit(request)
    except ApiError as error:
        response = error.response()
        if request.can_read_body:
            # The rest of the body is not worth waiting for.
            response.force_close()
        return response
    return await handler(request)


def _check_origin(request: web.Request) -> None:
    """Refuse a change that another site's page sends through a user's browser (CSRF).

    Browsers send the site in `Origin`; programs do not. Raises ApiError (403).
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
    """Return whether the request is probably that of a person who opens a page."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return mode == "navigate" and "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
