"""Requests that are cheap for a client: counted first, rejected in a line, rarely logged."""

import logging
import time

import pytest
from attacked import Attacked, attacked
from guarded_workers import TOKENS, USERS

from eventfold.telemetry import log_filters
from eventfold.web.protection import edge

#: Requests that were answered with 500 and a traceback each, by anybody.
FAILING = {
    "host": (b"/api/tables", b"\xff", (b"Tickstream-Signature: %d.x",)),
    "cookie": (b"/api/tables", b"127.0.0.1", (b"Cookie: tickstream-tickstream=\xff.9999999999.x",)),
    "standby": (
        b"/api/candles/AAA?size=1m",
        b"127.0.0.1",
        (b"Tickstream-Forwarded: 1", "Tickstream-Standby: ²".encode()),
    ),
    "id": (b"/registry/schemas/ids/" + b"9" * 5_000, b"127.0.0.1", ()),
    "version": (b"/registry/subjects/a/versions/" + b"9" * 5_000, b"127.0.0.1", ()),
    "expect": (b"/healthz", b"127.0.0.1", (b"Expect: \xff",)),
    "accept": (b"/metrics", b"127.0.0.1", ("Accept: text/plain;version=²".encode(),)),
}


@pytest.mark.parametrize("case", FAILING)
def test_unparsable_bytes_are_a_client_error(worker: Attacked, case: str) -> None:
    """Status 4xx and no line in the log; other readers are answered."""
    path, host, lines = FAILING[case]
    now = str(time.time_ns() // 1_000_000).encode()
    lines = [line.replace(b"%d", now) for line in lines]
    worker.logged.lines.clear()
    headers = [b"X-Forwarded-For: 192.0.2.1", *lines]
    if not case.startswith(("host", "cookie")) and worker.protected:
        headers.append(worker.auth_header[:-2])
    reply = worker.get(path, *headers, host=host)
    assert 200 <= reply.status < 500, reply
    assert not worker.logged.lines
    worker.assert_answers_readers()


@pytest.mark.parametrize(
    "origin", [b"http://[::1", b"null", b"", b"http://", b"http://\xff", b"http://127.0.0.1.evil"]
)
def test_request_with_an_invalid_origin_changes_nothing(worker: Attacked, origin: bytes) -> None:
    """Status 403 for each of these origins, with a Host header and without."""
    for host in b"127.0.0.1", b"":
        reply = worker.ask(
            b"PUT /registry/config HTTP/1.1\r\nHost: " + host + b"\r\nOrigin: " + origin
            + b"\r\n" + worker.auth_header + b"Content-Length: 0\r\nConnection: close\r\n\r\n",
            whole=True,
        )  # fmt: skip
        assert reply.status == 403, reply
    worker.assert_answers_readers()


#: Requests that are rejected or answered before a handler sees them.
FLOODS = {
    "preflights": (b"OPTIONS", b"/api/tables", (b"Access-Control-Request-Method: GET",)),
    "signatures": (b"GET", b"/api/tables", (b"Tickstream-Signature: 1.x",)),
    "forwarded": (b"GET", b"/api/tables", (b"Tickstream-Forwarded: 1",)),
    "hosts": (b"GET", b"/api/tables", (b"Host: \xff",)),
    "paths": (b"GET", b"/%ff", ()),
    "expectations": (b"GET", b"/healthz", (b"Expect: more",)),
    "nothing": (b"GET", b"/nothing", ()),
    "files": (b"GET", b"/static/page.js", ()),
    "methods": (b"PROPFIND", b"/api/tables", ()),
}


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "unprotected"])
def test_every_kind_of_request_counts_towards_the_rate_limit(protected) -> None:
    """Status 429 from the third request on; other clients are answered as before."""
    tokens = TOKENS | USERS if protected else {}
    with attacked(TICKSTREAM_WEB_RATE="1", **tokens) as worker:
        for number, (kind, (method, path, lines)) in enumerate(FLOODS.items()):
            head = [method + b" " + path + b" HTTP/1.1", b"X-Forwarded-For: 192.0.2.%d" % number]
            head += [] if kind == "hosts" else [b"Host: 127.0.0.1"]
            request = b"\r\n".join([*head, *lines, b"Connection: close", b"\r\n"])
            replies = [worker.ask(request, whole=True) for _ in range(6)]
            statuses = [reply.status for reply in replies]
            assert 429 not in statuses[:2], (kind, statuses)
            assert 429 in statuses[2:], (kind, statuses)
            assert b"Retry-After: " in next(r.head for r in replies if r.status == 429)
            assert all(b"nosniff" in r.head and b"Server: tickstream" in r.head for r in replies)
            worker.assert_answers_readers(f"198.51.100.{number}")
        assert not [line for line in worker.logged.lines if "Traceback" in line]


def test_rejections_are_delayed_for_a_client_that_does_not_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here two are sent at once, then one a second; other clients do not wait."""
    monkeypatch.setattr(edge, "REFUSALS", 1.0)
    request = b"GET /api/tables HTTP/1.1\r\nHost: \xff\r\nX-Forwarded-For: 192.0.2.1\r\n"
    with attacked() as worker:
        started = time.monotonic()
        for _ in range(5):
            assert worker.ask(request + b"Connection: close\r\n\r\n").status == 400
        # However long the requests themselves take.
        assert time.monotonic() - started > 2.9
        worker.assert_answers_readers()


def test_repeated_server_error_is_logged_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error at another place is logged as well."""
    with attacked() as worker:
        # In place of one that knows what other tests of this process have logged.
        repeats = log_filters.RepeatFilter()
        with monkeypatch.context() as patch:
            for name in log_filters.REPETITIVE:
                patch.setattr(logging.getLogger(name), "filters", [repeats])
            registry = worker.app.registry
            worker.app.registry = None
            del worker.app.registry
            for _ in range(20):
                assert worker.get(b"/registry/subjects").status == 500
            worker.app.registry = registry
            patch.setattr(worker.app.tables, "data", None)
            assert worker.get(b"/api/tables").status == 500
        failed = [line.splitlines()[0] for line in worker.logged.lines if "Traceback" in line]
        assert failed == [
            "ERROR eventfold.web.errors GET /registry/subjects failed",
            "ERROR eventfold.web.errors GET /api/tables failed",
        ]
        worker.assert_answers_readers()
