"""Limits of protection: accepted at the limit, rejected just beyond it."""

import asyncio
import logging
import socket
import threading
import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from guarded_workers import ADMIN, READ, TOKENS, bearer, guarded
from prometheus_client import REGISTRY

from app.settings import Settings
from eventfold.security.keys import keys_of
from eventfold.web.errors import ApiError
from eventfold.web.protection import connections, http_client, signatures
from eventfold.web.protection.addresses import client_of, is_from_proxy
from eventfold.web.protection.credentials import (
    Credentials,
    Passwords,
    allows,
    by_token,
    credentials_of,
    role_for,
)
from eventfold.web.protection.headers import preflight, share
from eventfold.web.protection.login import _local
from eventfold.web.protection.middleware import CHECKS, Guard, _require_no_wait
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import REASONS
from eventfold.web.protection.seals import seal
from eventfold.web.protection.sessions import AHEAD, LIFETIME, Sessions
from eventfold.web.protection.signatures import (
    SIGNATURE,
    TOLERANCE,
    PeerRequest,
    Peers,
    digest_of,
    signature,
)
from eventfold.web.query.peers import FORWARDED

#: Seconds since the epoch.
NOW = 1_800_000_000


@pytest.fixture
def conf() -> Settings:
    """Return settings with a token for each role."""
    return Settings(**TOKENS)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Freeze the clock, except in tests where something waits (those without `conf`)."""
    if "conf" in request.fixturenames:
        monkeypatch.setattr(time, "time", lambda: float(NOW))


def request_with(
    path: str = "/", method: str = "GET", remote: str = "", **headers: str
) -> web.Request:
    """Return a request with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request(method, path, headers=named).clone(remote=remote)


@pytest.mark.parametrize(
    ("until", "role"),
    [
        (NOW - 1, None),
        (NOW, "read"),
        (NOW + 1, "read"),
        (NOW + LIFETIME + AHEAD, "read"),
        (NOW + LIFETIME + AHEAD + 1, None),
        (int("9" * 19), None),
    ],
)
def test_cookie_is_valid_up_to_its_last_second(conf: Settings, until: int, role: Any) -> None:
    """And for no longer than a session lasts, by the worker's own clock."""
    proof = seal(keys_of(conf).session, conf.app_id, "read", str(until), "i" * 22)
    cookie = f"tickstream-{conf.app_id}=read.{until}.{'i' * 22}.{proof}"
    session = Sessions(conf).of(request_with(Cookie=cookie))
    assert (session.role if session else None) == role


@pytest.mark.parametrize("apart", [-TOLERANCE - 1, -TOLERANCE, 0, TOLERANCE, TOLERANCE + 1])
def test_clocks_of_workers_may_be_a_minute_apart(conf: Settings, apart: int) -> None:
    """In either direction, to the millisecond."""
    clock = [NOW - TOLERANCE / 1000 - 1]
    peers = Peers(conf, lambda: clock[0])
    clock[0] = NOW
    peer_request = PeerRequest("GET", "127.0.0.1:6066", "/a?b=c", digest_of(b""))
    signed = signature(keys_of(conf).cluster, peer_request, NOW * 1000 + apart)
    request = make_mocked_request("GET", "/a?b=c", headers={SIGNATURE: signed})
    assert (peers.take(request) is not None) is (abs(apart) <= TOLERANCE)


@pytest.mark.parametrize(("before", "taken"), [(1, False), (0, True)])
def test_signature_from_before_the_start_is_rejected(
    conf: Settings, before: int, taken: bool
) -> None:
    """To the millisecond: a worker that starts no longer knows which ones were used."""
    peer_request = PeerRequest("GET", "127.0.0.1:6066", "/", digest_of(b""))
    signed = signature(keys_of(conf).cluster, peer_request, NOW * 1000 - before)
    request = make_mocked_request("GET", "/", headers={SIGNATURE: signed})
    assert (Peers(conf, lambda: float(NOW)).take(request) is not None) is taken


def test_used_signatures_are_remembered_only_while_they_are_fresh(conf: Settings) -> None:
    """However many requests there were."""
    clock = [float(NOW)]
    peers = Peers(conf, lambda: clock[0])
    peer_request = PeerRequest("GET", "127.0.0.1:6066", "/", digest_of(b""))
    for second in range(1_000):
        clock[0] = NOW + second
        signed = signature(keys_of(conf).cluster, peer_request, (NOW + second) * 1000)
        request = make_mocked_request("GET", "/", headers={SIGNATURE: signed})
        assert [peers.take(request) for _ in range(2)] == [peer_request.digest, None]
    assert len(peers._taken) <= TOLERANCE / 1000 + 2


def test_used_signature_is_rejected_to_its_last_fresh_millisecond(conf: Settings) -> None:
    """Later requests don't make it valid again; a burst of them is forgotten in time."""
    clock = [float(NOW)]
    peers = Peers(conf, lambda: clock[0])
    peer_request = PeerRequest("GET", "127.0.0.1:6066", "/", digest_of(b""))

    def signed_request() -> web.Request:
        signed = signature(keys_of(conf).cluster, peer_request, int(clock[0] * 1000))
        return make_mocked_request("GET", "/", headers={SIGNATURE: signed})

    burst = [signed_request() for _ in range(100)]
    assert all(peers.take(each) for each in burst)
    clock[0] += TOLERANCE / 1000
    assert peers.take(signed_request())
    assert not any(peers.take(each) for each in burst)
    for _ in range(120):
        clock[0] += 1
        assert peers.take(signed_request())
    assert len(peers._taken) < 100


async def test_number_of_waiting_password_checks_is_limited(
    conf: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes a core for a tenth of a second; further requests get a 503."""
    guard, checked = Guard(conf), threading.Event()
    monkeypatch.setattr(guard._passwords, "check", lambda *_: checked.wait(30) and "read")
    for _ in range(2):
        waiting = [
            asyncio.ensure_future(guard.identify(Credentials("ann", str(n)), str(n)))
            for n in range(CHECKS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as raised:
            await guard.identify(Credentials("ann", "more"), "another")
        assert raised.value.status == 503
        checked.set()
        assert await asyncio.gather(*waiting) == ["read"] * CHECKS
        checked.clear()


@pytest.mark.parametrize(
    "stamp", ["", "x", "-1", "1.5", "٣" * 10, "²", "9" * 19, "9" * 20, "9" * 5_000]
)
def test_signature_without_a_valid_time_is_rejected(conf: Settings, stamp: str) -> None:
    """It is no internal error: clients choose what is in it."""
    peer_request = PeerRequest("GET", "127.0.0.1:6066", "/", digest_of(b""))
    proof = seal(keys_of(conf).cluster, stamp, "nonce", peer_request.digest, *peer_request)
    header = {SIGNATURE: f"{stamp}.nonce.{peer_request.digest}.{proof}"}
    assert Peers(conf).take(make_mocked_request("GET", "/", headers=header)) is None


async def test_worker_signs_only_forwarded_requests() -> None:
    """Any other server could use the signature elsewhere for a minute."""
    async with guarded(**TOKENS) as worker, http_client(worker.app.settings) as http:
        for headers, signs in ({}, False), ({FORWARDED: "1"}, True):
            async with http.get(f"{worker.url}/healthz", headers=headers) as reply:
                assert reply.status == 200
                assert (SIGNATURE in reply.request_info.headers) is signs
    async with (
        guarded() as worker,
        http_client(worker.app.settings) as http,
        http.get(f"{worker.url}/healthz", headers={FORWARDED: "1"}) as reply,
    ):
        assert SIGNATURE not in reply.request_info.headers


def test_worker_that_rejects_requests_is_logged_once_until_it_accepts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each of several workers, and again when it rejects again."""
    with caplog.at_level(logging.WARNING):
        logged = []
        for status, worker in (
            (403, "a"),
            (403, "a"),
            (403, "b"),
            (200, "a"),
            (403, "a"),
            (200, "a"),
        ):
            signatures._note(status, worker, Settings())
            logged.append(len(caplog.records))
    signatures._note(200, "b", Settings())
    assert logged == [1, 1, 2, 2, 3, 3]


PROXIES = {"TICKSTREAM_WEB_PROXIES": "10.0.0.0/8,127.0.0.1"}


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "192.0.2.1, 10.1.2.3", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.1, 10.1.2.3, 10.1.2.4", "192.0.2.1"),
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", " , 192.0.2.1 ,, ", "192.0.2.1"),
        ("127.0.0.1", "192.0.2.1, nonsense", "nonsense"),
        ("192.0.2.7", "192.0.2.1", "192.0.2.7"),
        ("", "192.0.2.1", ""),
    ],
)
def test_forwarded_for_is_read_from_its_end(remote: str, forwarded: str, client: str) -> None:
    """As long as each address is a declared proxy."""
    conf = Settings(**PROXIES)
    request = request_with(remote=remote, X_Forwarded_For=forwarded)
    assert client_of(request, conf) == client
    assert is_from_proxy(request, conf) is (remote == "127.0.0.1")
    assert client_of(request, Settings()) == remote


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/", None),
        ("GET", "/healthz", None),
        ("GET", "/static/page.js", None),
        ("GET", "/pages/tables", None),
        ("GET", "/static", "admin"),
        ("POST", "/login", None),
        ("GET", "/metrics", "read"),
        ("GET", "/metrics/", "admin"),
        ("GET", "/api/tables", "read"),
        ("GET", "/api", "admin"),
        ("GET", "/registry/mode", "read"),
        ("HEAD", "/registry/mode", "admin"),
        ("PUT", "/registry/mode", "admin"),
        ("GET", "/router/", "admin"),
    ],
)
def test_each_path_has_its_role(method: str, path: str, role: Any) -> None:
    """Paths that are not of this project are for admins."""
    assert role_for(method, path) == role


def test_each_role_allows_its_own_paths() -> None:
    """Admins may do everything, readers may read, others get what is open."""
    assert [allows(role, None) for role in (None, "read", "admin")] == [True, True, True]
    assert [allows(role, "read") for role in (None, "read", "admin")] == [False, True, True]
    assert [allows(role, "admin") for role in (None, "read", "admin")] == [False, False, True]


async def test_only_wrong_credentials_count_as_guesses(conf: Settings) -> None:
    """An expired cookie is no guess."""
    guard = Guard(conf)
    expired = request_with(Cookie=f"tickstream-{conf.app_id}=read.1.x")
    for request, role, guesses in (
        (request_with(), None, 0),
        (request_with(**bearer(READ)), "read", 0),
        (request_with(**bearer(ADMIN)), "admin", 0),
        (request_with(Authorization=f"bEaReR   {READ} "), "read", 0),
        (expired, None, 0),
        (request_with(**bearer("x")), None, 1),
        (request_with(Authorization="nonsense"), None, 2),
    ):
        assert await guard._role(request, "a") == role
        assert len(guard._guesses._full) == bool(guesses)
    assert credentials_of(expired) is None
    assert credentials_of(request_with(**bearer("x"))) == Credentials("", "x")


def test_each_of_several_tokens_and_users_is_found() -> None:
    """The first of several tokens and users, and the last."""
    conf = Settings(
        TICKSTREAM_WEB_TOKEN="a" * 16 + "," + "b" * 16,
        TICKSTREAM_WEB_USERS="ann:read:wordwordword, bob:admin:drowdrowdrow, cid:read:wordwordword",
    )
    assert [by_token(each * 16, conf) for each in "abc"] == ["read", "read", None]
    passwords = Passwords(conf.users)
    pairs = [(name, word) for name in ("ann", "bob", "cid") for word in ("word" * 3, "drow" * 3)]
    roles = ["read", None, None, "admin", "read", None]
    assert [passwords.recall(*pair) for pair in pairs] == [None] * 6
    assert [passwords.check(*pair) for pair in pairs] == roles
    assert [passwords.recall(*pair) for pair in pairs] == roles


@pytest.mark.parametrize(
    ("origins", "origin", "shared"),
    [
        ("", "https://a.example", None),
        ("*", None, None),
        ("*", "https://a.example", "*"),
        ("https://a.example", "https://a.example", "https://a.example"),
        ("https://a.example", "https://b.example", None),
        ("https://a.example", None, None),
    ],
)
def test_cors_headers_are_set_for_configured_origins(
    origins: str, origin: str | None, shared: str | None
) -> None:
    """`Vary` names the origin where the answer depends on it."""
    conf = Settings(TICKSTREAM_WEB_ORIGINS=origins)
    request = request_with(**({"Origin": origin} if origin else {}))
    response = web.Response()
    assert share(request, response, conf) is (shared is not None)
    assert response.headers.get("Access-Control-Allow-Origin") == shared
    assert ("Origin" in response.headers.get("Vary", "")) is (shared not in {None, "*"})
    assert ("Tickstream-Stale" in response.headers.get("Access-Control-Expose-Headers", "")) is (
        shared is not None
    )
    again = dict(response.headers)
    assert share(request, response, conf) is (shared is not None)
    assert dict(response.headers) == again


def test_preflight_lists_the_allowed_methods() -> None:
    """And for how long; a page of another site gets none."""
    conf = Settings(TICKSTREAM_WEB_ORIGINS="https://a.example")
    wanted = {"Access_Control_Request_Method": "GET"}
    for origin, allowed in ("https://a.example", "GET, HEAD"), ("https://b.example", None):
        answer = preflight(request_with(method="OPTIONS", Origin=origin, **wanted), conf)
        assert answer is not None
        assert answer.status == 204
        assert answer.headers.get("Access-Control-Allow-Methods") == allowed
        assert ("Access-Control-Max-Age" in answer.headers) is (allowed is not None)
    assert preflight(request_with(method="GET", Origin="https://a.example", **wanted), conf) is None
    assert preflight(request_with(method="OPTIONS", Origin="https://a.example"), conf) is None


def test_rate_allows_one_burst() -> None:
    """Asking for the wait uses nothing up; the wait ends on time."""
    now = [0.0]
    rate = Rate(4, 2, lambda: now[0])
    assert [rate.wait("a"), rate.take("a"), rate.wait("a"), rate.take("a")] == [0, 0, 0, 0]
    assert rate.wait("a") == rate.take("a") == 0.25
    now[0] = 0.125
    assert rate.wait("a") == 0.125
    now[0] = 0.25
    assert [rate.take("a"), rate.take("a")] == [0, 0.25]


@pytest.mark.parametrize(("rate", "at_once"), [("0.1", 1), ("0.5", 1), ("1", 2), ("3", 6)])
def test_burst_is_two_seconds_of_requests_and_at_least_one(rate: str, at_once: int) -> None:
    """A slow rate lets the first request through, and the next in its time."""
    guard = Guard(Settings(TICKSTREAM_WEB_RATE=rate))
    assert guard._rate is not None
    waits = [guard._rate.take("a") for _ in range(at_once + 1)]
    assert [not wait for wait in waits] == [True] * at_once + [False]
    assert waits[-1] <= 1 / float(rate)


def test_rate_of_zero_is_no_limit() -> None:
    """No client has to wait."""
    guard = Guard(Settings(TICKSTREAM_WEB_RATE="0"))
    for _ in range(100):
        guard.limit(request_with())


def test_cookie_is_cleared_with_the_attributes_it_was_set_with(conf: Settings) -> None:
    """A browser keeps a cookie whose attributes differ."""
    given, taken = web.Response(), web.Response()
    sessions = Sessions(conf)
    sessions.remember(given, "read", secure=False)
    sessions.forget(taken)
    (one,), (other,) = given.cookies.values(), taken.cookies.values()
    for attribute in "path", "httponly", "samesite":
        assert one[attribute] == other[attribute]
    assert str(other["max-age"]) == "0"


def test_one_more_guess_is_allowed_every_six_seconds(conf: Settings) -> None:
    """After ten at once; each client has guesses of its own."""
    guard = Guard(conf)
    for _ in range(10):
        guard._require_guess("a")
        guard._counted(None, "a")
    with pytest.raises(ApiError) as refused:
        guard._require_guess("a")
    assert refused.value.response().headers["Retry-After"] == "6"
    guard._require_guess("b")


@pytest.mark.parametrize("reason", REASONS)
def test_metric_of_each_reason_exists_from_the_start(reason: str) -> None:
    """So that the first rejection is visible as an increase."""
    assert REGISTRY.get_sample_value("eventfold_http_refused_total", {"reason": reason}) is not None


async def test_login_page_shows_an_alert_only_after_a_failure(protected, http) -> None:
    """And the sign-out only to those who are signed in."""
    async with http.get(f"{protected.url}/login") as reply:
        page = await reply.text()
    assert 'class="wrong" hidden>' in page
    assert 'action="/logout" hidden>' in page
    async with http.post(f"{protected.url}/login", data={"word": "nope"}) as reply:
        assert 'class="wrong" >The token, or the name' in await reply.text()


async def test_connections_of_one_client_and_of_all_are_limited() -> None:
    """One client gets half of all; closed connections make room and leave nothing behind."""

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    listener = connections.Listener(4, Settings(), handler)
    assert [listener.enter(client) for client in "aaabbbc"] == [
        *(True, True, False),
        *(True, True, False),
        False,
    ]
    listener.leave("a")
    assert [listener.enter("c"), listener.enter("a")] == [True, False]
    for client in "abbc":
        listener.leave(client)
    assert not listener._open


async def test_kernel_closes_connections_whose_last_bytes_nobody_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the same time as the worker itself (ms)."""
    monkeypatch.setattr(connections, "READ_TIMEOUT", 7.0)
    with socket.socket() as client:
        connections._give_up_silent(client)
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000
    connections._give_up_silent(None)
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
    with socket.socket() as client:
        connections._give_up_silent(client)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("[::1]", 200),
        ("[::ffff:127.0.0.1]", 200),
        ("[::ffff:127.0.0.1]:6066", 200),
        ("127.0.0.1", 200),
        ("[127.0.0.1:x]", 421),
        ("[evil.example:1]", 421),
        ("127.0.0.1:x:6066", 400),
        ("a b", 400),
        ("a/b", 400),
        ("[::1", 400),
        ("localhost:123456", 400),
        ("localhost:", 200),
        ("evil.example", 421),
        ("", 200),
    ],
)
async def test_host_may_be_an_address_in_brackets(unprotected, http, host, status) -> None:
    """With a port or without."""
    async with http.get(f"{unprotected.url}/healthz", headers={"Host": host}) as reply:
        assert reply.status == status


async def test_internal_error_is_answered_with_500_and_logged(
    protected, http, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no fault of the request, and the answer names no version."""

    def fail(*_: object) -> None:
        raise RuntimeError("no fault of yours")

    monkeypatch.setattr(Guard, "limit", fail)
    async with http.get(f"{protected.url}/healthz") as reply:
        assert (reply.status, reply.headers["Server"]) == (500, "tickstream")
        assert "no fault of yours" not in await reply.text()
    assert "no fault of yours" in caplog.text


@pytest.mark.parametrize("body", [None, b"much"])
async def test_connection_with_an_unread_body_is_closed(unprotected, http, body) -> None:
    """A client that is rejected without a body may use the connection again."""
    headers = {"Origin": "https://evil.example"}
    async with http.post(f"{unprotected.url}/login", data=body, headers=headers) as reply:
        assert reply.status == 403
        assert (reply.headers.get("Connection") == "close") is (body is not None)


@pytest.mark.parametrize(("fields", "status"), [(10, 401), (11, 400)])
async def test_a_form_has_ten_fields_at_most(protected, http, fields, status) -> None:
    """Of a field that comes twice the last value counts."""
    body = "&".join(["word=nope"] * fields)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{protected.url}/login"
    async with http.post(url, data=body, headers=kind) as reply:
        assert reply.status == status
    body = f"word=nope&word={READ}"
    async with http.post(url, data=body, headers=kind, allow_redirects=False) as reply:
        assert reply.status == 303


@pytest.mark.parametrize(
    ("place", "local"),
    [
        ("/", "/"),
        ("/api/tables?a=b#c", "/api/tables?a=b#c"),
        ("", "/"),
        ("api", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("/\t/evil.example", "/"),
        ("/é", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_redirect_after_login_is_a_local_path(place: str, local: str) -> None:
    """A path of this worker, or the dashboard."""
    assert _local(place) == local


def test_sign_ins_of_one_client_are_limited_to_sixty(conf: Settings) -> None:
    """One address may stand for many people; one more may sign in after six seconds."""
    guard = Guard(conf)
    for _ in range(60):
        guard.count_sign_in("a")
    with pytest.raises(ApiError) as raised:
        guard.count_sign_in("a")
    assert 5 <= int(raised.value.headers["Retry-After"]) <= 6
    guard.count_sign_in("b")


@pytest.mark.parametrize(("wait", "seconds"), [(0.1, 1), (1.0, 1), (1.1, 2), (2.0, 2), (5.5, 6)])
def test_retry_after_is_rounded_up(wait: float, seconds: int) -> None:
    """A client that retries then is accepted."""
    with pytest.raises(ApiError) as raised:
        _require_no_wait(wait, "too much")
    assert raised.value.response().headers["Retry-After"] == str(seconds)
