"""Limits of a client: how much it may ask, from where, and the headers for browsers."""

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
    """A burst at once, then one after the other; what somebody else sends takes nothing of it."""
    clock = Clock()
    rate = Rate(2, 4, clock)
    assert [rate.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert rate.take("b") == 0
    clock.now += 0.5
    assert [rate.take("a") for _ in range(2)] == [0, 0.5]
    clock.now += 3600
    assert [rate.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_no_more_clients_are_known_than_there_is_room_for() -> None:
    """An attacker has more addresses than a worker has memory; who asks often is not forgotten."""
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
def test_a_client_is_its_address_or_its_network(address: str, client: str) -> None:
    """Of IPv6 it has as many addresses as it likes; an IPv4 address may be written as one."""
    assert network_of(address) == client


async def test_who_asks_too_often_hears_when_to_come_back(http) -> None:
    """429, and the others are served meanwhile."""
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


async def test_nobody_chooses_the_address_that_is_counted(http) -> None:
    """What a client says of itself is believed of our proxies alone."""
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
async def test_a_page_cant_make_its_own_name_mean_this_machine(http, host, status) -> None:
    """Without tokens a browser is told from the page it shows by the name it asks for."""
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


async def test_only_pages_of_the_settings_sites_may_read_answers(http) -> None:
    """And errors, and before that ask whether they may; a cookie goes along with none."""
    ours, other = "https://charts.example", "https://evil.example"
    async with guarded(**TOKENS, TICKSTREAM_WEB_ORIGINS=ours) as worker:
        for origin, allowed in (ours, ours), (other, None):
            asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            async with http.options(worker.url + CANDLES, headers=asked) as reply:
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


async def test_only_a_browser_that_asks_before_it_asks_needs_no_token(protected, http) -> None:
    """Any other question with one of the two signs of that is a question."""
    asks_before = {"Access-Control-Request-Method": "GET"}
    for method, headers, status in (
        ("OPTIONS", asks_before, 204),
        ("OPTIONS", {}, 401),
        ("GET", asks_before, 401),
        ("GET", asks_before | bearer(READ), 200),
    ):
        async with http.request(method, protected.url + CANDLES, headers=headers) as reply:
            assert reply.status == status


@pytest.mark.parametrize(
    "path", ["/", "/login", CANDLES, "/api/nothing", "/static/app.js", "/router/"]
)
async def test_browsers_run_and_embed_nothing_they_are_not_meant_to(protected, http, path) -> None:
    """Whatever the answer is; and it does not say which versions answer."""
    async with http.get(protected.url + path, headers=bearer(READ)) as reply:
        headers = reply.headers
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
    assert headers["Server"] == "tickstream"
