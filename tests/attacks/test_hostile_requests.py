"""Hostile bytes wherever the web server reads something: an answer, and nothing in the log.

`make fuzz` runs it for ten minutes, the ordinary suite for some seconds.
"""

import re
from functools import cache

from attacked import Attacked
from hostile_requests import headers_read, places, requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventfold.web.protection.sessions import cookie_name

#: What ends a worker's day: an error, or a traceback of anything.
_BAD = re.compile(r"^(ERROR|CRITICAL)|Traceback", re.MULTILINE)


@cache
def _of(worker: Attacked) -> st.SearchStrategy[bytes]:
    known, cookie = places(worker.app.web.web_app), cookie_name(worker.app.settings)
    return requests(known, worker.shown, cookie)


@settings(
    max_examples=1_500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_request_fails_the_worker_whatever_bytes_it_has(whole_worker: Attacked, data) -> None:
    """Each gets a status below 500 (or 503: partitions that nobody has), and the log is silent."""
    request = data.draw(_of(whole_worker))
    whole_worker.logged.lines.clear()
    reply = whole_worker.ask(request)
    bad = [line for line in whole_worker.logged.lines if _BAD.search(line)]
    assert not bad, (request, bad[0])
    assert 200 <= reply.status < 500 or reply.status == 503, (request, reply)


def test_readers_are_answered_after_all_that(whole_worker: Attacked) -> None:
    """As before."""
    whole_worker.assert_answers_readers()


def test_what_the_code_reads_is_found_in_its_source(whole_worker: Attacked) -> None:
    """Headers of other workers, of proxies, of browsers, of programs; routes of every part."""
    assert {
        *("tickstream-standby", "tickstream-signature", "tickstream-forwarded", "x-forwarded-for"),
        *("x-forwarded-proto", "origin", "authorization", "last-event-id", "accept"),
        *("access-control-request-method", "sec-fetch-mode"),
    } <= set(headers_read())
    known = {(place.method, place.path): place for place in places(whole_worker.app.web.web_app)}
    assert "from" in known["GET", "/api/v1/candles/{symbol}"].parameters
    assert ("POST", "/login") in known
    assert ("DELETE", "/registry/subjects/{subject}/versions/{version}") in known
    assert ("GET", "/table/{name}/{key}/") in known
