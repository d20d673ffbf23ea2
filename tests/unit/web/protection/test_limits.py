"""Limits of clients: rates, addresses, host names and origins, and the headers for browsers."""

import pytest
from guarded_workers import READ, TOKENS, bearer, guarded

from eventfold.web.protection.addresses import network_of
from eventfold.web.protection.rate import CLIENTS, Rate

CANDLES = "/api/candles/AAA?size=1m"


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def test_a_bucket_fills_at_a_steady_rate() -> None:
    """A burst at once, then one after the other; other clients have buckets of their own."""
    clock = Clock()
    rate = Rate(2, 4, clock)
    assert [rate.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert rate.take("b") == 0
    clock.now += 0.5
    assert [rate.take("a") for _ in range(2)] == [0, 0.5]
    clock.now += 3600
    assert [rate.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_number_of_remembered_clients_is_bounded() -> None:
    """An attacker has more addresses than a worker has memory; frequent clients are remembered."""
    rate = Rate(1, 2, Clock())
    assert [rate.take("often"), rate.take("often")] == [0, 0]
    for number in range(CLIENTS - 1):
        rate.take(str(number))
    assert len(rate._full) == CLIENTS
    assert rate.take("often") > 0
    for number in range(CLIENTS, CLIENTS + 5):
        rate.take(str(number))
    assert len(rate._full) == CLIENTS
    newest = str(CLIENTS + 4)
    assert rate.take(newest) == 0
    assert rate.take(newest) > 0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("proxy-7", "proxy-7"),
        ("x" * 65, "x" * 64),
    ],
)
def test_client_is_an_ipv4_address_or_an_ipv6_network(address: str, client: str) -> None:
    """An IPv6 client has as many addresses as it likes; IPv4 may be written as IPv6."""
    assert network_of(address) == client


async def test_too_frequent_client_gets_429_with_retry_after(http) -> None:
    """Other clients are served meanwhile."""
    settings = {"TICKSTREAM_WEB_RATE": "0.5", "TICKSTREAM_WEB_PROXIES": "127.0.0.0/8"}
    async with guarded(**settings) as worker:
        for client, statuses in ("192.0.2.1", [200, 429]), ("192.0.2.2", [200, 429]):
            headers = {"X-Forwarded-For": f"203.0.113.9, {client}"}
            for status in statuses:
                async with http.get(worker.url + CANDLES, headers=headers) as reply:
                    assert reply.status == status
                    body = await reply.json()
            assert reply.headers["Retry-After"] == "2"
            assert body["error"]["code"] == "too-many"


async def test_forwarded_for_is_ignored_without_a_declared_proxy(http) -> None:
    """`X-Forwarded-For` is trusted from declared proxies alone."""
    async with guarded(TICKSTREAM_WEB_RATE="0.5") as worker:
        statuses = []
        for number in range(3):
            headers = {"X-Forwarded-For": f"192.0.2.{number}"}
            async with http.get(worker.url + CANDLES, headers=headers) as reply:
                statuses.append(reply.status)
    assert statuses == [200, 429, 429]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:6066", 200),
        ("[::1]:6066", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("worker-1:6066", 200),
        ("worker.example:6066", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:6066", 421),
    ],
)
async def test_unknown_host_names_are_rejected_without_tokens(http, host, status) -> None:
    """Against DNS rebinding: a page of another site can only use a host name of its own."""
    async with (
        guarded(TICKSTREAM_WEB_HOSTS="worker.example") as worker,
        http.get(worker.url + CANDLES, headers={"Host": host}) as reply,
    ):
        assert reply.status == status
    async with (
        guarded(TICKSTREAM_WEB_HOSTS="*") as worker,
        http.get(worker.url + CANDLES, headers={"Host": host}) as reply,
    ):
        assert reply.status == 200
    async with guarded(**TOKENS) as worker:
        headers = {"Host": host, **bearer(READ)}
        async with http.get(worker.url + CANDLES, headers=headers) as reply:
            assert reply.status == 200


async def test_cors_allows_only_the_configured_origins(http) -> None:
    """For answers, errors and preflights; credentials are never allowed."""
    ours, other = "https://charts.example", "https://evil.example"
    async with guarded(**TOKENS, TICKSTREAM_WEB_ORIGINS=ours) as worker:
        for origin, allowed in (ours, ours), (other, None):
            preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            async with http.options(worker.url + CANDLES, headers=preflight) as reply:
                assert reply.status == 204
                assert reply.headers.get("Access-Control-Allow-Origin") == allowed
                headers = reply.headers.get("Access-Control-Allow-Headers", "")
                assert ("Authorization" in headers) is (allowed is not None)
            for shown, status in (bearer(READ), 200), ({}, 401):
                headers = {"Origin": origin, **shown}
                async with http.get(worker.url + CANDLES, headers=headers) as reply:
                    assert reply.status == status
                    assert reply.headers.get("Access-Control-Allow-Origin") == allowed
                    assert "Access-Control-Allow-Credentials" not in reply.headers
    async with (
        guarded(TICKSTREAM_WEB_ORIGINS="*") as worker,
        http.get(worker.url + CANDLES, headers={"Origin": other}) as reply,
    ):
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


async def test_only_a_cors_preflight_needs_no_token(protected, http) -> None:
    """A request with one of the two signs of a preflight is an ordinary request."""
    preflight = {"Access-Control-Request-Method": "GET"}
    for method, headers, status in (
        ("OPTIONS", preflight, 204),
        ("OPTIONS", {}, 401),
        ("GET", preflight, 401),
        ("GET", preflight | bearer(READ), 200),
    ):
        async with http.request(method, protected.url + CANDLES, headers=headers) as reply:
            assert reply.status == status


@pytest.mark.parametrize(
    "path", ["/", "/login", CANDLES, "/api/nothing", "/static/page.js", "/router/"]
)
async def test_security_headers_are_on_every_answer(protected, http, path) -> None:
    """Whatever its status; the header `Server` names no version."""
    async with http.get(protected.url + path, headers=bearer(READ)) as reply:
        headers = reply.headers
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
    assert headers["Server"] == "tickstream"
