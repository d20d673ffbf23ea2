"""Hostile bytes in each part of a request: the server answers, and logs no error.

`make fuzz` runs it for ten minutes, the ordinary suite for some seconds.
"""

import re
from functools import cache

from attacked import Attacked
from hostile_requests import headers_read, places, requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventfold.web.protection.sessions import cookie_name

#: Log lines that fail the test: errors and tracebacks.
#: No broker runs: that a feed of live events can't reach one is said once in ten seconds.
_ERROR_LINE = re.compile(
    r"^(ERROR|CRITICAL)(?! aiokafka Unable connect to )|Traceback", re.MULTILINE
)


@cache
def _requests_to(worker: Attacked) -> st.SearchStrategy[bytes]:
    known, cookie = places(worker.app.web.web_app), cookie_name(worker.app.settings)
    return requests(known, worker.auth_header, cookie)


@settings(
    max_examples=1_500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_request_bytes_cause_a_server_error(worker_with_all_tables: Attacked, data) -> None:
    """Each gets a status below 500 (or 503: partitions without an owner); no error is logged."""
    request = data.draw(_requests_to(worker_with_all_tables))
    worker_with_all_tables.logged.lines.clear()
    reply = worker_with_all_tables.ask(request)
    error_lines = [line for line in worker_with_all_tables.logged.lines if _ERROR_LINE.search(line)]
    assert not error_lines, (request, error_lines[0])
    assert 200 <= reply.status < 500 or reply.status == 503, (request, reply)


def test_normal_readers_are_answered_after_hostile_requests(
    worker_with_all_tables: Attacked,
) -> None:
    """The worker still serves the windows of a symbol."""
    worker_with_all_tables.assert_answers_readers()


def test_headers_and_routes_are_discovered_from_the_source(
    worker_with_all_tables: Attacked,
) -> None:
    """Headers of other workers, proxies, browsers and programs; routes of every part."""
    assert {
        *("tickstream-standby", "tickstream-signature", "tickstream-forwarded", "x-forwarded-for"),
        *("x-forwarded-proto", "origin", "authorization", "last-event-id", "accept"),
        *("access-control-request-method", "sec-fetch-mode"),
    } <= set(headers_read())
    known = {
        (place.method, place.path): place
        for place in places(worker_with_all_tables.app.web.web_app)
    }
    assert "from" in known["GET", "/api/v1/candles/{symbol}"].parameters
    assert ("POST", "/login") in known
    assert ("DELETE", "/registry/subjects/{subject}/versions/{version}") in known
    assert ("GET", "/table/{name}/{key}/") in known
