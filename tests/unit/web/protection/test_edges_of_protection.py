"""Limits of protection: admitted at the very edge, rejected just beyond it; without a socket."""

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
from eventfold.web.peers import FORWARDED
from eventfold.web.protection import connections, http_client, peers
from eventfold.web.protection.addresses import client_of, is_from_proxy
from eventfold.web.protection.cors import preflight, share
from eventfold.web.protection.credentials import Shown, by_token, shown
from eventfold.web.protection.login import _local
from eventfold.web.protection.middleware import CHECKS, Guard, _too_many
from eventfold.web.protection.passwords import Passwords
from eventfold.web.protection.peers import (
    SIGNATURE,
    TOLERANCE,
    Peers,
    Question,
    digest_of,
    signature,
)
from eventfold.web.protection.rate import Rate
from eventfold.web.protection.refused import REASONS
from eventfold.web.protection.roles import allows, role_for
from eventfold.web.protection.seals import seal
from eventfold.web.protection.sessions import AHEAD, LIFETIME, Sessions

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


def asked(path: str = "/", method: str = "GET", remote: str = "", **headers: str) -> web.Request:
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
def test_a_cookie_is_good_up_to_its_very_second(conf: Settings, until: int, role: Any) -> None:
    """And for no longer than a session lasts, by the worker's own clock."""
    proof = seal(keys_of(conf).session, conf.app_id, "read", str(until), "i" * 22)
    cookie = f"tickstream-{conf.app_id}=read.{until}.{'i' * 22}.{proof}"
    session = Sessions(conf).of(asked(Cookie=cookie))
    assert (session.role if session else None) == role


@pytest.mark.parametrize("apart", [-TOLERANCE - 1, -TOLERANCE, 0, TOLERANCE, TOLERANCE + 1])
def test_clocks_of_workers_may_be_a_minute_apart(conf: Settings, apart: int) -> None:
    """In either direction, to the millisecond."""
    clock = [NOW - TOLERANCE / 1000 - 1]
    peers = Peers(conf, lambda: clock[0])
    clock[0] = NOW
    question = Question("GET", "127.0.0.1:6066", "/a?b=c", digest_of(b""))
    signed = signature(keys_of(conf).cluster, question, NOW * 1000 + apart)
    request = make_mocked_request("GET", "/a?b=c", headers={SIGNATURE: signed})
    assert (peers.take(request) is not None) is (abs(apart) <= TOLERANCE)


@pytest.mark.parametrize(("before", "taken"), [(1, False), (0, True)])
def test_what_was_signed_before_a_start_is_refused_to_the_millisecond(
    conf: Settings, before: int, taken: bool
) -> None:
    """A worker has not answered anything yet when it starts."""
    question = Question("GET", "127.0.0.1:6066", "/", digest_of(b""))
    signed = signature(keys_of(conf).cluster, question, NOW * 1000 - before)
    request = make_mocked_request("GET", "/", headers={SIGNATURE: signed})
    assert (Peers(conf, lambda: float(NOW)).take(request) is not None) is taken


def test_what_was_taken_is_known_as_long_as_it_is_fresh_and_no_longer(conf: Settings) -> None:
    """However many questions there were."""
    clock = [float(NOW)]
    peers = Peers(conf, lambda: clock[0])
    question = Question("GET", "127.0.0.1:6066", "/", digest_of(b""))
    for second in range(1_000):
        clock[0] = NOW + second
        signed = signature(keys_of(conf).cluster, question, (NOW + second) * 1000)
        request = make_mocked_request("GET", "/", headers={SIGNATURE: signed})
        assert [peers.take(request) for _ in range(2)] == [question.digest, None]
    assert len(peers._taken) <= TOLERANCE / 1000 + 2


def test_a_question_is_known_to_the_last_millisecond_at_which_it_is_fresh(conf: Settings) -> None:
    """Others that come meanwhile don't make it new; a burst of them is forgotten in time."""
    clock = [float(NOW)]
    peers = Peers(conf, lambda: clock[0])
    question = Question("GET", "127.0.0.1:6066", "/", digest_of(b""))

    def ask() -> web.Request:
        signed = signature(keys_of(conf).cluster, question, int(clock[0] * 1000))
        return make_mocked_request("GET", "/", headers={SIGNATURE: signed})

    burst = [ask() for _ in range(100)]
    assert all(peers.take(each) for each in burst)
    clock[0] += TOLERANCE / 1000
    assert peers.take(ask())
    assert not any(peers.take(each) for each in burst)
    for _ in range(120):
        clock[0] += 1
        assert peers.take(ask())
    assert len(peers._taken) < 100


async def test_so_many_passwords_wait_to_be_looked_at_and_no_more(
    conf: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes a core for a tenth of a second; who comes next is asked to come again."""
    guard, looked = Guard(conf), threading.Event()
    monkeypatch.setattr(guard._passwords, "check", lambda *_: looked.wait(30) and "read")
    for _ in range(2):
        waiting = [
            asyncio.ensure_future(guard.identify(Shown("ann", str(n)), str(n)))
            for n in range(CHECKS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as raised:
            await guard.identify(Shown("ann", "more"), "another")
        assert raised.value.status == 503
        looked.set()
        assert await asyncio.gather(*waiting) == ["read"] * CHECKS
        looked.clear()


@pytest.mark.parametrize(
    "said", ["", "x", "-1", "1.5", "٣" * 10, "²", "9" * 19, "9" * 20, "9" * 5_000]
)
def test_a_signature_without_a_time_is_none(conf: Settings, said: str) -> None:
    """And no accident: somebody else has written it."""
    question = Question("GET", "127.0.0.1:6066", "/", digest_of(b""))
    proof = seal(keys_of(conf).cluster, said, "nonce", question.digest, *question)
    header = {SIGNATURE: f"{said}.nonce.{question.digest}.{proof}"}
    assert Peers(conf).take(make_mocked_request("GET", "/", headers=header)) is None


async def test_a_worker_signs_what_it_forwards_and_nothing_else() -> None:
    """Who is asked otherwise could show the signature elsewhere for a minute."""
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


def test_a_worker_that_refuses_is_logged_once_until_it_is_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each of several, and anew when it refuses again."""
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
            peers._note(status, worker)
            logged.append(len(caplog.records))
    peers._note(200, "b")
    assert logged == [1, 1, 2, 2, 3, 3]


PROXIES = {"TICKSTREAM_WEB_PROXIES": "10.0.0.0/8,127.0.0.1"}


@pytest.mark.parametrize(
    ("remote", "said", "client"),
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
def test_a_chain_of_proxies_is_read_from_its_end(remote: str, said: str, client: str) -> None:
    """As long as each is one of ours."""
    conf = Settings(**PROXIES)
    request = asked(remote=remote, X_Forwarded_For=said)
    assert client_of(request, conf) == client
    assert is_from_proxy(request, conf) is (remote == "127.0.0.1")
    assert client_of(request, Settings()) == remote


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/", None),
        ("GET", "/healthz", None),
        ("GET", "/static/app.js", None),
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
    """What is not of this project is for admins."""
    assert role_for(method, path) == role


def test_a_role_allows_what_it_is_for() -> None:
    """An admin everything, a reader to read, nobody what is open."""
    assert [allows(role, None) for role in (None, "read", "admin")] == [True, True, True]
    assert [allows(role, "read") for role in (None, "read", "admin")] == [False, True, True]
    assert [allows(role, "admin") for role in (None, "read", "admin")] == [False, False, True]


async def test_what_is_shown_is_a_guess_only_where_it_can_be_wrong(conf: Settings) -> None:
    """A browser's cookie that is over is none."""
    guard = Guard(conf)
    over = asked(Cookie=f"tickstream-{conf.app_id}=read.1.x")
    for request, role, guesses in (
        (asked(), None, 0),
        (asked(**bearer(READ)), "read", 0),
        (asked(**bearer(ADMIN)), "admin", 0),
        (asked(Authorization=f"bEaReR   {READ} "), "read", 0),
        (over, None, 0),
        (asked(**bearer("x")), None, 1),
        (asked(Authorization="nonsense"), None, 2),
    ):
        assert await guard._role(request, "a") == role
        assert len(guard._guesses._full) == bool(guesses)
    assert shown(over) is None
    assert shown(asked(**bearer("x"))) == Shown("", "x")


def test_who_is_found_is_found_wherever_it_stands() -> None:
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
def test_an_answer_is_shared_with_the_sites_of_the_settings(
    origins: str, origin: str | None, shared: str | None
) -> None:
    """A cache is told that it depends on who asks, where it does."""
    conf = Settings(TICKSTREAM_WEB_ORIGINS=origins)
    request = asked(**({"Origin": origin} if origin else {}))
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


def test_a_browser_that_asks_before_it_asks_hears_what_it_may() -> None:
    """For how long, which methods and headers; another site's page nothing."""
    conf = Settings(TICKSTREAM_WEB_ORIGINS="https://a.example")
    before = {"Access_Control_Request_Method": "GET"}
    for origin, allowed in ("https://a.example", "GET, HEAD"), ("https://b.example", None):
        answer = preflight(asked(method="OPTIONS", Origin=origin, **before), conf)
        assert answer is not None
        assert answer.status == 204
        assert answer.headers.get("Access-Control-Allow-Methods") == allowed
        assert ("Access-Control-Max-Age" in answer.headers) is (allowed is not None)
    assert preflight(asked(method="GET", Origin="https://a.example", **before), conf) is None
    assert preflight(asked(method="OPTIONS", Origin="https://a.example"), conf) is None


def test_a_rate_lets_a_burst_through_and_no_more() -> None:
    """Who asks for the wait takes nothing; the wait ends to the moment."""
    now = [0.0]
    rate = Rate(4, 2, lambda: now[0])
    assert [rate.wait("a"), rate.take("a"), rate.wait("a"), rate.take("a")] == [0, 0, 0, 0]
    assert rate.wait("a") == rate.take("a") == 0.25
    now[0] = 0.125
    assert rate.wait("a") == 0.125
    now[0] = 0.25
    assert [rate.take("a"), rate.take("a")] == [0, 0.25]


@pytest.mark.parametrize(("rate", "at_once"), [("0.1", 1), ("0.5", 1), ("1", 2), ("3", 6)])
def test_a_client_may_send_what_two_seconds_hold_and_one_in_any_case(
    rate: str, at_once: int
) -> None:
    """A slow rate lets the first request through, and the next in its time."""
    guard = Guard(Settings(TICKSTREAM_WEB_RATE=rate))
    assert guard._rate is not None
    waits = [guard._rate.take("a") for _ in range(at_once + 1)]
    assert [not wait for wait in waits] == [True] * at_once + [False]
    assert waits[-1] <= 1 / float(rate)


def test_without_a_rate_nobody_has_to_wait() -> None:
    """A setting of 0 is no limit."""
    guard = Guard(Settings(TICKSTREAM_WEB_RATE="0"))
    for _ in range(100):
        guard._slow_down("a")


def test_a_cookie_is_taken_back_as_it_was_set(conf: Settings) -> None:
    """A browser keeps one that differs."""
    given, taken = web.Response(), web.Response()
    sessions = Sessions(conf)
    sessions.remember(given, "read", secure=False)
    sessions.forget(taken)
    (one,), (other,) = given.cookies.values(), taken.cookies.values()
    for attribute in "path", "httponly", "samesite":
        assert one[attribute] == other[attribute]
    assert str(other["max-age"]) == "0"


def test_a_guess_is_earned_in_six_seconds(conf: Settings) -> None:
    """After ten at once; who guesses elsewhere is another one."""
    guard = Guard(conf)
    for _ in range(10):
        guard._demand_guess("a")
        guard._counted(None, "a")
    with pytest.raises(ApiError) as refused:
        guard._demand_guess("a")
    assert refused.value.response().headers["Retry-After"] == "6"
    guard._demand_guess("b")


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_counted_from_the_start(reason: str) -> None:
    """So that a first refusal is seen as one more."""
    assert (
        REGISTRY.get_sample_value("tickstream_http_refused_total", {"reason": reason}) is not None
    )


async def test_the_page_has_an_alert_only_where_something_was_wrong(protected, http) -> None:
    """And a way out only for who is in."""
    async with http.get(f"{protected.url}/login") as reply:
        page = await reply.text()
    assert 'class="wrong" hidden>' in page
    assert 'action="/logout" hidden>' in page
    async with http.post(f"{protected.url}/login", data={"word": "nope"}) as reply:
        assert 'class="wrong" >That is not known' in await reply.text()


async def test_connections_of_one_client_and_of_all_are_limited() -> None:
    """Half of all for one; what is ended makes room, and leaves nothing behind."""

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


async def test_the_kernel_ends_connections_whose_last_bytes_nobody_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As soon as we would ourselves (ms)."""
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
async def test_an_address_in_brackets_is_no_name(unprotected, http, host, status) -> None:
    """With a port or without."""
    async with http.get(f"{unprotected.url}/healthz", headers={"Host": host}) as reply:
        assert reply.status == status


async def test_an_error_of_ours_is_answered_and_logged_as_one(
    protected, http, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no fault of the request, and says nothing of versions."""

    def fail(*_: object) -> None:
        raise RuntimeError("no fault of yours")

    monkeypatch.setattr(Guard, "limit", fail)
    async with http.get(f"{protected.url}/healthz") as reply:
        assert (reply.status, reply.headers["Server"]) == (500, "tickstream")
        assert "no fault of yours" not in await reply.text()
    assert "no fault of yours" in caplog.text


@pytest.mark.parametrize("body", [None, b"much"])
async def test_a_connection_is_ended_with_a_body_that_nobody_reads(unprotected, http, body) -> None:
    """A client that is rejected without one may ask again on the same connection."""
    headers = {"Origin": "https://evil.example"}
    async with http.post(f"{unprotected.url}/login", data=body, headers=headers) as reply:
        assert reply.status == 403
        assert (reply.headers.get("Connection") == "close") is (body is not None)


@pytest.mark.parametrize(("fields", "status"), [(10, 401), (11, 400)])
async def test_a_form_has_ten_fields_at_most(protected, http, fields, status) -> None:
    """And of a field that comes twice the last one holds."""
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
def test_who_signs_in_is_led_to_no_other_site(place: str, local: str) -> None:
    """A path of this worker, or the dashboard."""
    assert _local(place) == local


def test_one_more_may_sign_in_six_seconds_after_the_sixtieth(conf: Settings) -> None:
    """A client of many people, behind one address."""
    guard = Guard(conf)
    for _ in range(60):
        guard.demand_sign_in("a")
    with pytest.raises(ApiError) as raised:
        guard.demand_sign_in("a")
    assert 5 <= int(raised.value.headers["Retry-After"]) <= 6
    guard.demand_sign_in("b")


@pytest.mark.parametrize(("wait", "said"), [(0.1, 1), (1.0, 1), (1.1, 2), (2.0, 2), (5.5, 6)])
def test_a_wait_is_rounded_up(wait: float, said: int) -> None:
    """Who comes back then is let in."""
    error = _too_many("rate", wait, "too much")
    assert error.response().headers["Retry-After"] == str(said)
