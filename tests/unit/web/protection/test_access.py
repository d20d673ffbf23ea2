"""Access rights, once tokens or users are set."""

import base64
import logging
from pathlib import Path

import pytest
from guarded_workers import ADMIN, PASSWORD, READ, TOKENS, bearer, guarded

from app.settings import Settings
from eventfold.security.keys import keys_of

CANDLES = "/api/candles/AAA?size=1m"


def basic(name: str, password: str) -> dict[str, str]:
    """Return the header that shows a name and a password."""
    text = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


NOBODY: dict[str, str] = {}
READERS = [bearer(READ), basic("ann", PASSWORD)]
ADMINS = [bearer(ADMIN), basic("bob", PASSWORD + "s")]


@pytest.mark.parametrize("path", ["/", "/pages/tables", "/healthz", "/static/style.css", "/login"])
async def test_pages_without_data_need_no_token(protected, http, path) -> None:
    """Orchestrators probe without a token, and a browser has to reach the login page."""
    async with http.get(protected.url + path) as reply:
        assert reply.status == 200
    async with http.get(f"{protected.url}/readyz") as reply:
        assert reply.status in {200, 503}


@pytest.mark.parametrize("path", [CANDLES, "/metrics", "/openapi.json", "/api/nothing"])
async def test_data_needs_the_role_of_a_reader(protected, http, path) -> None:
    """Without credentials the answer is 401 with the accepted schemes, for unknown paths too."""
    async with http.get(protected.url + path) as reply:
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith('Bearer realm="tickstream", Basic ')
        assert (await reply.json())["error"]["code"] == "unauthorized"
    for headers in READERS + ADMINS:
        async with http.get(protected.url + path, headers=headers) as reply:
            assert reply.status == (404 if "nothing" in path else 200)


@pytest.mark.parametrize("path", ["/table/", "/router/", "/graph/", "/stats/", "/nothing"])
async def test_faust_views_are_for_admins_only(protected, http, path) -> None:
    """Readers get a 403."""
    async with http.get(protected.url + path) as reply:
        assert reply.status == 401
    for headers in READERS:
        async with http.get(protected.url + path, headers=headers) as reply:
            assert (reply.status, (await reply.json())["error"]["code"]) == (403, "forbidden")
    for headers in ADMINS:
        async with http.get(protected.url + path, headers=headers) as reply:
            assert reply.status == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize(
    "headers",
    [
        bearer("read-0123456789abcdeg"),
        bearer(""),
        {"Authorization": READ},
        {"Authorization": f"Digest {READ}"},
        {"Authorization": "Basic !!!"},
        {"Authorization": basic("ann", PASSWORD)["Authorization"].replace("Basic ", "Basic !")},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        basic("ann", PASSWORD + "s"),
        basic("bob", PASSWORD),
        basic("", ""),
        {"Cookie": "tickstream-tickstream=admin.99999999999.0"},
    ],
)
async def test_unknown_credentials_are_rejected(protected, http, headers) -> None:
    """A wrong token, somebody else's password, a cookie nobody signed, nonsense."""
    for path in CANDLES, "/router/":
        async with http.get(protected.url + path, headers=headers) as reply:
            assert reply.status == 401


async def test_several_tokens_are_valid_while_one_is_replaced(http) -> None:
    """So no client has to change at the same time as the workers."""
    old, new = "old-token-0123456789", "new-token-0123456789"
    async with guarded(TICKSTREAM_WEB_TOKEN=f"{old},{new}") as worker:
        for token in old, new:
            async with http.get(worker.url + CANDLES, headers=bearer(token)) as reply:
                assert reply.status == 200


async def test_without_tokens_every_path_is_open(unprotected, http) -> None:
    """On one's own machine, as after `make up`."""
    for path in CANDLES, "/router/", "/metrics":
        async with http.get(unprotected.url + path) as reply:
            assert reply.status == 200


async def test_password_guesses_are_rate_limited(protected, http, caplog) -> None:
    """After ten wrong tokens a right one is rejected too; requests without one are not counted."""
    with caplog.at_level(logging.WARNING):
        for number in range(10):
            async with http.get(protected.url + CANDLES, headers=bearer(f"no-{number}")) as reply:
                assert reply.status == 401
    for headers in bearer("no-10"), bearer(READ):
        async with http.get(protected.url + CANDLES, headers=headers) as reply:
            assert reply.status == 429
            assert 1 <= int(reply.headers["Retry-After"]) <= 6
    async with http.post(f"{protected.url}/login", data={"word": READ}) as reply:
        assert reply.status == 429
    async with http.get(f"{protected.url}/healthz") as reply:
        assert reply.status == 200
    logged = [record.getMessage() for record in caplog.records]
    assert logged == ["127.0.0.1 sent an unknown token or a wrong password"] * 10


async def test_no_secret_is_in_answers_logs_metrics_or_settings(protected, http, caplog) -> None:
    """Errors included, and the settings as Python shows them."""
    secrets = [READ, ADMIN, PASSWORD]
    with caplog.at_level(logging.DEBUG):
        for path in (CANDLES, "/api/nothing", "/router/", f"/api/candles/{ADMIN[:8]}", "/metrics"):
            for token in (READ, ADMIN):
                async with http.get(protected.url + path, headers=bearer(token)) as reply:
                    answer = await reply.text() + str(reply.headers)
                assert not any(secret in answer for secret in secrets)
    shown = repr(protected.app.settings) + protected.app.settings.model_dump_json()
    assert not any(secret in caplog.text + shown for secret in secrets)


async def test_signing_keys_differ_where_secrets_differ(tmp_path: Path) -> None:
    """A key of cookies is none of workers; a token that changes ends all sessions."""
    changed = TOKENS | {"TICKSTREAM_WEB_TOKEN": f"{READ}x"}
    one, other = keys_of(Settings(**TOKENS)), keys_of(Settings(**changed))
    assert len({one.session, one.cluster, other.session}) == 3
    assert one.cluster == other.cluster
    shared = {"TICKSTREAM_WEB_CLUSTER_TOKEN": "cluster-0123456789"}
    a, b = keys_of(Settings(**TOKENS, **shared)), keys_of(Settings(**changed, **shared))
    assert a.cluster == b.cluster != one.cluster
    assert a.session != b.session
    readers = {"TICKSTREAM_WEB_TOKEN": READ}
    alone = [keys_of(Settings(**readers, APP_DATADIR=str(tmp_path / name))) for name in "ab"]
    assert len({each.session for each in alone} | {each.cluster for each in alone}) == 4
