"""Undeclared proxies, unusual addresses in their headers, and versions in answers."""

import asyncio
import logging

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request
from guarded_workers import READ, TOKENS, bearer, guarded

from app.settings import Settings
from eventfold.web.protection import addresses
from eventfold.web.protection.addresses import client_of

CANDLES = "/api/candles/AAA?size=1m"


@pytest.mark.parametrize(
    ("headers", "proxies", "lines"),
    [
        ({"X-Forwarded-For": "192.0.2.1"}, "", 1),
        ({"Forwarded": "for=192.0.2.1"}, "", 1),
        ({"X-Forwarded-For": "192.0.2.1"}, "10.0.0.0/8", 1),
        ({"X-Forwarded-For": "192.0.2.1"}, "127.0.0.1", 0),
        ({}, "", 0),
    ],
)
async def test_undeclared_proxy_is_logged_once(
    http: ClientSession,
    caplog: pytest.LogCaptureFixture,
    headers: dict[str, str],
    proxies: str,
    lines: int,
) -> None:
    """Its clients count as one: ten wrong tokens of one of them lock out all."""
    addresses._undeclared.clear()
    async with guarded(**TOKENS, TICKSTREAM_WEB_PROXIES=proxies) as worker:
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                async with http.get(worker.url + CANDLES, headers=headers | bearer(READ)) as reply:
                    assert reply.status == 200
    found = [text for text in caplog.messages if "TICKSTREAM_WEB_PROXIES" in text]
    assert len(found) == lines
    assert all(text.startswith("127.0.0.1 ") for text in found)


def test_at_most_three_undeclared_proxies_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Anybody may send the header, so that it must not fill the log."""
    addresses._undeclared.clear()
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "192.0.2.1"})
    with caplog.at_level(logging.WARNING):
        for number in range(6):
            client_of(request.clone(remote=f"198.51.100.{number}"), Settings())
    assert [each.partition(" ")[0] for each in caplog.messages] == [
        f"198.51.100.{number}" for number in range(3)
    ]


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711, 10.0.0.1:80", "192.0.2.1"),
        ("nonsense:80", "nonsense:80"),
    ],
)
def test_port_of_a_forwarded_address_is_ignored(forwarded: str, client: str) -> None:
    """Some proxies add it: otherwise each connection would have limits of its own."""
    conf = Settings(TICKSTREAM_WEB_PROXIES="127.0.0.1,10.0.0.0/8")
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded})
    assert client_of(request.clone(remote="127.0.0.1"), conf) == client


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_no_answer_reveals_software_versions(request_: bytes) -> None:
    """Not even the answer to malformed bytes."""
    async with guarded(**TOKENS) as worker:
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        writer.write(request_)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        writer.close()
    assert "server: tickstream\r\n" in head
    assert "aiohttp" not in head
    assert "python" not in head
