"""Requests between workers are signed."""

import time

import pytest
from guarded_workers import ADMIN, READ, TOKENS, bearer, guarded
from web_workers import NOON, candle

from eventfold.security.keys import keys_of
from eventfold.web.protection.signatures import (
    SIGNATURE,
    TOLERANCE,
    PeerRequest,
    digest_of,
    signature,
)
from eventfold.web.query.peers import FORWARDED

KEY = "/api/candles/BBB?size=1m"
OTHERS = {1: {"BBB": [candle("BBB", NOON)]}}
CLUSTER = {"TICKSTREAM_WEB_CLUSTER_TOKEN": "cluster-0123456789"}


async def query_across(http, mine, theirs, path=KEY, token=READ):
    """Query a worker for a key of another one; return status and text of its answer."""
    async with guarded(**mine) as queried, guarded(OTHERS, **theirs) as owner:
        owned = {queried.url: {"ticks": [0]}, owner.url: {"ticks": [1]}}
        queried.knows_owners(owned)
        owner.knows_owners(owned)
        async with http.get(queried.url + path, headers=bearer(token)) as reply:
            return reply.status, await reply.text()


async def test_workers_with_the_same_tokens_answer_for_each_other(http) -> None:
    """For admins too, who show their token to the first worker alone."""
    for path, token in (KEY, READ), ("/table/candles/BBB/", ADMIN):
        status, _ = await query_across(http, TOKENS, TOKENS, path, token)
        assert status == 200


async def test_cluster_token_outlives_a_change_of_the_other_tokens(http) -> None:
    """While workers are restarted one after the other with another token for people."""
    changed = TOKENS | {"TICKSTREAM_WEB_TOKEN": "another-0123456789"}
    status, _ = await query_across(http, TOKENS | CLUSTER, changed | CLUSTER)
    assert status == 200


async def test_worker_with_other_tokens_is_rejected_and_logged_once(http, caplog) -> None:
    """The answer says that partitions are missing and why; the log what to do."""
    changed = TOKENS | {"TICKSTREAM_WEB_ADMIN_TOKEN": "another-0123456789"}
    status, text = await query_across(http, TOKENS, changed)
    assert status == 503
    assert "403, it has another cluster token" in text
    logged = [r.getMessage() for r in caplog.records if "rejects" in r.getMessage()]
    assert len(logged) == 1
    assert "TICKSTREAM_WEB_CLUSTER_TOKEN" in logged[0]


@pytest.mark.parametrize("wrong", ["none", "old", "early", "key", "nonsense"])
async def test_signature_needs_the_key_of_the_workers_and_a_current_time(http, wrong) -> None:
    """Only workers may send such requests: for a part of an answer, past limits and roles."""
    async with guarded(**TOKENS) as worker:
        conf, now = worker.app.settings, int(time.time() * 1000)
        path = "/api/candles/AAA?size=1m"
        peer_request = PeerRequest("GET", f"127.0.0.1:{worker.port}", path, digest_of(b""))
        key, other = keys_of(conf).cluster, keys_of(type(conf)(**CLUSTER)).cluster
        bad = {
            "none": "",
            "old": signature(key, peer_request, now - TOLERANCE - 1_000),
            "early": signature(key, peer_request, now + TOLERANCE + 1_000),
            "key": signature(other, peer_request, now),
            "nonsense": f"{now}.é",
        }[wrong]
        headers = {FORWARDED: "1", SIGNATURE: signature(key, peer_request, now)}
        async with http.get(worker.url + path, headers=headers) as reply:
            assert reply.status == 200
        headers = {FORWARDED: "1"} | ({SIGNATURE: bad} if bad else {})
        for shown in {}, bearer(READ):
            async with http.get(worker.url + path, headers={**headers, **shown}) as reply:
                assert reply.status == 403


@pytest.mark.parametrize("header", [FORWARDED, SIGNATURE])
async def test_request_with_only_one_header_of_a_worker_is_rejected(http, header) -> None:
    """Even with a token: the headers of workers change what an answer is."""
    async with guarded(**TOKENS) as worker:
        url = f"{worker.url}/api/candles/AAA?size=1m"
        async with http.get(url, headers={header: "1", **bearer(READ)}) as reply:
            assert reply.status == 403
