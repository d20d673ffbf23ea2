"""Workers among each other: what one asks another is signed."""

import time

import pytest
from guarded_workers import ADMIN, READ, TOKENS, bearer, guarded
from web_workers import NOON, candle

from eventfold.security.keys import keys_of
from eventfold.web.peers import FORWARDED
from eventfold.web.protection.peers import SIGNATURE, TOLERANCE, Question, digest_of, signature

KEY = "/api/candles/BBB?size=1m"
OTHERS = {1: {"BBB": [candle("BBB", NOON)]}}
CLUSTER = {"TICKSTREAM_WEB_CLUSTER_TOKEN": "cluster-0123456789"}


async def ask_across(http, mine, theirs, path=KEY, token=READ):
    """Ask a worker for what another one has; return the status of its answer, and its text."""
    async with guarded(**mine) as asked, guarded(OTHERS, **theirs) as owner:
        owned = {asked.url: {"ticks": [0]}, owner.url: {"ticks": [1]}}
        asked.knows_owners(owned)
        owner.knows_owners(owned)
        async with http.get(asked.url + path, headers=bearer(token)) as reply:
            return reply.status, await reply.text()


async def test_a_worker_answers_for_all_with_the_same_tokens(http) -> None:
    """Also what only admins may ask, who said so to the first of them."""
    for path, token in (KEY, READ), ("/table/candles/BBB/", ADMIN):
        status, _ = await ask_across(http, TOKENS, TOKENS, path, token)
        assert status == 200


async def test_a_shared_cluster_token_outlives_a_change_of_the_others(http) -> None:
    """While workers are started anew, one after the other, with another token for people."""
    changed = TOKENS | {"TICKSTREAM_WEB_TOKEN": "another-0123456789"}
    status, _ = await ask_across(http, TOKENS | CLUSTER, changed | CLUSTER)
    assert status == 200


async def test_a_worker_with_other_tokens_is_told_apart(http, caplog) -> None:
    """The answer is that partitions are missing and why; the log says what to do, once."""
    changed = TOKENS | {"TICKSTREAM_WEB_ADMIN_TOKEN": "another-0123456789"}
    status, text = await ask_across(http, TOKENS, changed)
    assert status == 503
    assert "403, as to other tokens than its own" in text
    said = [r.getMessage() for r in caplog.records if "refuses" in r.getMessage()]
    assert len(said) == 1
    assert "TICKSTREAM_WEB_CLUSTER_TOKEN" in said[0]


@pytest.mark.parametrize("wrong", ["none", "old", "early", "key", "nonsense"])
async def test_a_signature_is_good_for_a_minute_by_the_key_of_the_workers(http, wrong) -> None:
    """Nobody else may ask as workers do: for a part of the answer, past limits and roles."""
    async with guarded(**TOKENS) as worker:
        conf, now = worker.app.settings, int(time.time() * 1000)
        path = "/api/candles/AAA?size=1m"
        question = Question("GET", f"127.0.0.1:{worker.port}", path, digest_of(b""))
        key, other = keys_of(conf).cluster, keys_of(type(conf)(**CLUSTER)).cluster
        bad = {
            "none": "",
            "old": signature(key, question, now - TOLERANCE - 1_000),
            "early": signature(key, question, now + TOLERANCE + 1_000),
            "key": signature(other, question, now),
            "nonsense": f"{now}.é",
        }[wrong]
        headers = {FORWARDED: "1", SIGNATURE: signature(key, question, now)}
        async with http.get(worker.url + path, headers=headers) as reply:
            assert reply.status == 200
        headers = {FORWARDED: "1"} | ({SIGNATURE: bad} if bad else {})
        for shown in {}, bearer(READ):
            async with http.get(worker.url + path, headers={**headers, **shown}) as reply:
                assert reply.status == 403


@pytest.mark.parametrize("mark", [FORWARDED, SIGNATURE])
async def test_who_shows_one_mark_of_a_worker_without_the_other_is_refused(http, mark) -> None:
    """Even with a token: what only workers send changes what an answer is."""
    async with guarded(**TOKENS) as worker:
        url = f"{worker.url}/api/candles/AAA?size=1m"
        async with http.get(url, headers={mark: "1", **bearer(READ)}) as reply:
            assert reply.status == 403
