"""Checks of a request before its handler sees it, in their order."""

import asyncio
import logging
import math
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from eventfold.addresses import read_address
from eventfold.security.web import Role
from eventfold.settings import Settings
from eventfold.web.errors import ApiError, unavailable
from eventfold.web.protection.addresses import CONF, client_of
from eventfold.web.protection.bodies import receive
from eventfold.web.protection.credentials import (
    Credentials,
    Passwords,
    allows,
    by_token,
    credentials_of,
    role_for,
)
from eventfold.web.protection.headers import early_response, preflight
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import count_refusal
from eventfold.web.protection.sessions import Sessions
from eventfold.web.protection.signatures import SIGNATURE, SIGNED, Peers, digest_of, in_common
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
        if self._rate and request[SIGNED] is None:
            wait = self._rate.take(client_of(request, self._conf))
            _require_no_wait(wait, f"more than {self._conf.web_rate:g} requests a second")

    async def admit(self, request: web.Request) -> None:
        """Read the body, and raise ApiError unless the request may be handled."""
        digest = self._signed_digest(request)
        if digest is None:
            client = client_of(request, self._conf)
            self._check_host(request)
            _check_origin(request)
            await self._check_role(request, client)
        await receive(request)
        if digest is not None and digest_of(await request.read()) != digest:
            raise _unsigned(self._conf)

    async def identify(self, credentials: Credentials, client: str) -> Role | None:
        """Return the role of `credentials`, None if wrong. Raises ApiError (429, 503)."""
        self._require_guess(client)
        if credentials.name:
            return await self._by_password(credentials, client)
        return self._counted(by_token(credentials.secret, self._conf), client)

    def count_sign_in(self, client: str) -> None:
        """Count a sign-in. Raises ApiError (429) if a client begins too many sessions."""
        _require_no_wait(self._sign_ins.take(client), "too many sign-ins")

    async def _by_password(self, credentials: Credentials, client: str) -> Role | None:
        role = self._passwords.recall(*credentials)
        if role:
            return role
        if self._waiting >= CHECKS:
            count_refusal("rate")
            raise unavailable("many passwords are being checked: try again")
        self._waiting += 1
        try:
            async with self._turn:
                # Other guesses of the client may have failed while this one waited.
                self._require_guess(client)
                role = await asyncio.to_thread(self._passwords.check, *credentials)
                return self._counted(role, client)
        finally:
            self._waiting -= 1

    def _counted(self, role: Role | None, client: str) -> Role | None:
        if role is None:
            count_refusal("credentials")
            _log.warning("%s sent an unknown token or a wrong password", client)
            self._guesses.take(client)
        return role

    def _require_guess(self, client: str) -> None:
        _require_no_wait(self._guesses.wait(client), "too many wrong tokens or passwords")

    def _signed_digest(self, request: web.Request) -> str | None:
        """Return the digest signed by another worker; None for a client. Raises ApiError (403)."""
        if not self._conf.web_protected:
            return None
        digest = request.get(SIGNED)
        if digest is None and (FORWARDED in request.headers or SIGNATURE in request.headers):
            raise _unsigned(self._conf)
        return digest

    def _check_host(self, request: web.Request) -> None:
        """Raise ApiError (421) if a page's host name resolves to this machine (DNS rebinding)."""
        # Only names with a dot are refused, since any name that a stranger can register has one. A
        # protected server needs no check.
        conf = self._conf
        if conf.web_protected:
            return
        name = request.host.rsplit(":", 1)[0] if request.host[-1:] != "]" else request.host
        known = map(str.lower, (conf.web_host, *conf.web_hosts))
        if "." not in name or "*" in conf.web_hosts or name.lower() in known:
            return
        if read_address(name.strip("[]")):
            return
        count_refusal("host")
        hosts = conf.variable("web_hosts")
        message = f"{name!r} is not a name of this worker: set {hosts} to its names"
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
        credentials = credentials_of(request)
        if credentials is not None:
            return await self.identify(credentials, client)
        session = self.sessions.of(request)
        return session.role if session else None

    def _denied(self, request: web.Request, role: Role | None, needed: Role | None) -> ApiError:
        count_refusal("role")
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
            "credentials are needed: Authorization: Bearer TOKEN, or sign in at /login",
            {"WWW-Authenticate": ", ".join(challenges)},
        )


GUARD: web.AppKey[Guard] = web.AppKey("GUARD", Guard)


@web.middleware
async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer preflights, pass admitted requests on; close the connection of the refused."""
    answer = preflight(request, request.app[CONF])
    if answer is not None:
        return answer
    try:
        await request.app[GUARD].admit(request)
    except ApiError as error:
        return early_response(error, request, request.app[CONF])
    return await handler(request)


def _check_origin(request: web.Request) -> None:
    """Raise ApiError (403) for a change that another site's page sends (CSRF)."""
    # Browsers send the site in `Origin`; programs do not.
    origin = request.headers.get(hdrs.ORIGIN)
    own = {f"http://{request.host}", f"https://{request.host}"} if request.host else set()
    if request.method in _READING or origin is None or origin in own:
        return
    count_refusal("origin")
    message = "only pages of this worker may send this request"
    raise ApiError(HTTPStatus.FORBIDDEN, "forbidden", message)


def _unsigned(conf: Settings) -> ApiError:
    count_refusal("credentials")
    return ApiError(
        HTTPStatus.FORBIDDEN,
        "forbidden",
        "this request does not have another worker's signature: all workers need "
        f"{in_common(conf)}",
    )


def _require_no_wait(wait: float, message: str) -> None:
    """Raise ApiError (429) if a client has to wait (s) for its rate limit."""
    if wait:
        count_refusal("rate")
        headers = {"Retry-After": str(math.ceil(wait))}
        raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, "too-many", message, headers)


def _is_page(request: web.Request) -> bool:
    """Return whether the request is probably that of a person who opens a page."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return mode == "navigate" and "text/html" in request.headers.get(hdrs.ACCEPT, "")
