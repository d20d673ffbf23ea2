"""Requests that cost a client next to nothing: counted first, rejected in a line, rarely logged."""

import logging
import time

import pytest
from attacked import Attacked, attacked
from guarded_workers import TOKENS, USERS

from eventfold.telemetry import log_filters as quiet
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
def test_bytes_that_no_parser_takes_are_the_client_s_mistake(worker: Attacked, case: str) -> None:
    """A status of the 400s, and no line in the log; readers are answered meanwhile."""
    path, host, lines = FAILING[case]
    now = str(time.time_ns() // 1_000_000).encode()
    lines = [line.replace(b"%d", now) for line in lines]
    worker.logged.lines.clear()
    shows = [b"X-Forwarded-For: 192.0.2.1", *lines]
    if not case.startswith(("host", "cookie")) and worker.protected:
        shows.append(worker.shown[:-2])
    reply = worker.get(path, *shows, host=host)
    assert 200 <= reply.status < 500, reply
    assert not worker.logged.lines
    worker.assert_answers_readers()


@pytest.mark.parametrize(
    "origin", [b"http://[::1", b"null", b"", b"http://", b"http://\xff", b"http://127.0.0.1.evil"]
)
def test_a_page_of_no_site_changes_nothing(worker: Attacked, origin: bytes) -> None:
    """403, whatever its address looks like, and be the request without a host."""
    for host in b"127.0.0.1", b"":
        reply = worker.ask(
            b"PUT /registry/config HTTP/1.1\r\nHost: " + host + b"\r\nOrigin: " + origin
            + b"\r\n" + worker.shown + b"Content-Length: 0\r\nConnection: close\r\n\r\n",
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
    "files": (b"GET", b"/static/app.js", ()),
    "methods": (b"PROPFIND", b"/api/tables", ()),
}


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "unprotected"])
def test_whatever_a_client_sends_counts_towards_its_rate(protected) -> None:
    """429 from the third on; somebody else is answered as ever."""
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


def test_refusals_are_held_back_from_who_does_not_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once and one a second here; somebody else waits for nothing of it."""
    monkeypatch.setattr(edge, "REFUSALS", 1.0)
    request = b"GET /api/tables HTTP/1.1\r\nHost: \xff\r\nX-Forwarded-For: 192.0.2.1\r\n"
    with attacked() as worker:
        begun = time.monotonic()
        for _ in range(5):
            assert worker.ask(request + b"Connection: close\r\n\r\n").status == 400
        # However long the requests themselves take.
        assert time.monotonic() - begun > 2.9
        worker.assert_answers_readers()


def test_an_error_of_ours_is_logged_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how often it came; another one, at another place, is not hidden by it."""
    with attacked() as worker:
        loggers = [logging.getLogger(name) for name in quiet.REPETITIVE]
        seldom = quiet.Seldom()
        for logger in loggers:
            logger.addFilter(seldom)
        try:
            registry = worker.app.registry
            worker.app.registry = None
            del worker.app.registry
            for _ in range(20):
                assert worker.get(b"/registry/subjects").status == 500
            worker.app.registry = registry
            monkeypatch.setattr(worker.app.tables, "data", None)
            assert worker.get(b"/api/tables").status == 500
            monkeypatch.undo()
        finally:
            for logger in loggers:
                logger.removeFilter(seldom)
        failed = [line.splitlines()[0] for line in worker.logged.lines if "Traceback" in line]
        assert failed == [
            "ERROR eventfold.web.errors GET /registry/subjects failed",
            "ERROR eventfold.web.errors GET /api/tables failed",
        ]
        worker.assert_answers_readers()
