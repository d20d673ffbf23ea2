"""Brokers with TLS and authentication: clients connect by the settings, and not without them.

Real Kafka with two more listeners: SASL_SSL, and SSL with client certificates. Ticks are sent and
results are read at its plain one.
"""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import truth
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka import TopicPartition
from certificates import Authority
from new_topics import new_topic
from progress import committed, lag
from workers import MINUTE, REPOSITORY, Market, until

from app.market.walks import Market as Simulator
from app.settings import Settings
from eventfold.embedded import LocalBroker, ports
from eventfold.embedded.properties import Node
from eventfold.embedded.secured import Secured
from eventfold.engine.changelog import new_consumer
from eventfold.kafka.admin import AdminError, existing_topics
from eventfold.kafka.clients.connections import running
from eventfold.kafka.clients.producers import only_writer

PASSWORD = "correct-horse-battery"  # noqa: S105  # of the broker below
TOKEN = "read-0123456789abcdef"  # noqa: S105  # of the worker's web server
TICKS = 3_000

PREFIX = "TICKSTREAM_KAFKA_"


class Brokers(NamedTuple):
    """A broker with its listeners: one plain, one with SASL, one with client certificates."""

    market: Market
    sasl_address: str
    ssl_address: str
    trusted: Authority
    untrusted: Authority

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a worker that authenticates by SCRAM."""
        return {
            "BROKER_URL": self.sasl_address,
            f"{PREFIX}SECURITY_PROTOCOL": "SASL_SSL",
            f"{PREFIX}SSL_CAFILE": str(self.trusted.cafile),
            f"{PREFIX}SASL_USERNAME": "worker",
            f"{PREFIX}SASL_PASSWORD": PASSWORD,
        }

    def settings(self, **changes: str) -> Settings:
        """Return the same settings for clients in this process, changed; names without prefix."""
        changed = {PREFIX + name: text for name, text in changes.items()}
        return Settings(**{**self.environment, **changed})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Run the broker."""
    directory = tmp_path_factory.mktemp("secured")
    trusted, untrusted = Authority(directory, "ours"), Authority(directory, "strangers")
    keystore = trusted.issue("broker", ports.HOST)
    sasl_address, ssl_address = (f"{ports.HOST}:{ports.free()}" for _ in range(2))
    listeners = (
        Secured(sasl_address, keystore=keystore, users={"worker": PASSWORD}),
        Secured(ssl_address, "SSL", keystore=keystore, truststore=trusted.cafile),
    )
    node = Node(ports.free(), secured=listeners)
    with LocalBroker(tmp_path_factory.mktemp("secured-broker"), node=node) as broker:
        market = Market(broker.bootstrap, tmp_path_factory.mktemp("secured-market"))
        yield Brokers(market, sasl_address, ssl_address, trusted, untrusted)


@pytest.fixture
def background() -> Iterator[Executor]:
    """Yield threads for commands that run at the same time."""
    with ThreadPoolExecutor() as threads:
        yield threads


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `faust -A app` to its end."""
    return subprocess.run(
        [Path(sys.executable).with_name("faust"), "-A", "app", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def error_line(*arguments: str, **environment: str) -> str:
    """Run a command that is rejected; return the one line it ends with."""
    done = command(*arguments, **environment)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def unsigned(lifetime: float = 3600) -> str:
    """Return an unsigned token, which the broker accepts (RFC 7519, 6); `lifetime` is in s."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    now = time.time()
    return f"{part({'alg': 'none'})}.{part({'sub': 'worker', 'iat': now, 'exp': now + lifetime})}."


def test_worker_results_are_exact_over_tls_and_scram(
    brokers: Brokers, tmp_path: Path, background: Executor
) -> None:
    """Consumer, transactions, restore, admin, source and sink all use it; a killed worker goes on.

    Neither the password nor the web token is in a log, not even at level debug.
    """
    market = brokers.market
    environment = brokers.environment | {
        "TICKSTREAM_PIPELINES": "candles",
        "TICKSTREAM_WEB_TOKEN": TOKEN,
    }
    now = int(time.time() * 1000)
    records = islice(Simulator(step=20).records(now - 20 * TICKS), TICKS)
    with market.worker(**environment) as worker:
        market.send((key, value, now) for key, value, _ in records)
        until(lambda: committed(market.bootstrap, market.application, "ticks") > 0)
        worker.kill()
        simulator = ("--source", "simulator", "--rate", "0", "--count", str(TICKS), "--seed", "2")
        produced = background.submit(command, "-l", "debug", "produce", *simulator, **environment)
        worker.start()
        assert produced.result().returncode == 0, produced.result().stderr
        rows = str(tmp_path / "rows.csv")
        consumed = command("-l", "debug", "consume", "--until-end", "--output", rows, **environment)
        assert consumed.returncode == 0, consumed.stderr
        until(lambda: lag(market.bootstrap, market.application, "ticks") == 0)
        assert worker.ask("/api/tables").status == 401
        # A command with the same settings is authorised.
        answered = command("lateness", **worker.environment)
        assert answered.returncode == 0, answered.stderr
    expected = truth.candles(truth.ticks(market.bootstrap), MINUTE, MINUTE, 5 * MINUTE)
    found = truth.published(market.bootstrap)
    minutes = found.filter((pl.col("size") == MINUTE) & (pl.col("advance") == MINUTE))
    assert not len(truth.differences(expected, minutes))
    assert expected["count"].sum() > TICKS
    logs = worker.log + produced.result().stderr + consumed.stderr
    assert "DEBUG" in logs
    for secret in TOKEN, PASSWORD, base64.b64encode(PASSWORD.encode()).decode():
        assert secret not in logs


async def can_write_and_read(conf: Settings, topic: str) -> bool:
    """Return whether transactions can be written and read with these settings."""
    async with only_writer("enters", conf) as producer, running(new_consumer(conf)) as consumer:
        async with producer.transaction():
            sent = await producer.send_and_wait(topic, b"in")
        consumer.assign([TopicPartition(sent.topic, sent.partition)])
        consumer.seek(TopicPartition(sent.topic, sent.partition), sent.offset)
        return (await consumer.getone()).value == b"in"


@asynccontextmanager
async def token_endpoint(lifetime: int) -> AsyncIterator[tuple[str, list[Any]]]:
    """Run an OAuth token endpoint; yield its address, and the requests that it gets."""
    requests: list[Any] = []

    async def grant(request: web.Request) -> web.Response:
        requests.append((request.headers["Authorization"], dict(await request.post())))
        return web.json_response({"access_token": unsigned(), "expires_in": lifetime})

    application = web.Application()
    application.router.add_post("/token", grant)
    async with TestServer(application) as server:
        yield str(server.make_url("/token")), requests


@pytest.fixture(scope="module")
def topic(brokers: Brokers) -> str:
    """Create a topic to write to."""
    return new_topic(brokers.market.bootstrap, 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_clients_authenticate_with_each_sasl_mechanism(
    brokers: Brokers, topic: str, mechanism: str
) -> None:
    """A task's producer, the consumer of changelogs, and the admin client."""
    conf = brokers.settings(SASL_MECHANISM=mechanism)
    assert await can_write_and_read(conf, topic)
    assert topic in await existing_topics(conf)


async def test_changed_oauth_token_file_is_used(
    brokers: Brokers, topic: str, tmp_path: Path
) -> None:
    """Another program renews the token: an old one is not used again."""
    file = tmp_path / "token"
    conf = brokers.settings(SASL_MECHANISM="OAUTHBEARER", OAUTH_TOKEN_FILE=str(file))
    with pytest.raises(AdminError, match=r"OAUTH_TOKEN_FILE=.*: No such file or directory$"):
        await existing_topics(conf)
    file.write_text("no.token.\n")
    with pytest.raises(AdminError, match="refuses our OAUTHBEARER token"):
        await existing_topics(conf)
    file.write_text(f"{unsigned()}\n")
    assert await can_write_and_read(conf, topic)


async def test_oauth_token_is_requested_once_with_client_credentials(
    brokers: Brokers, topic: str
) -> None:
    """One token for many connections; it is renewed when it is about to expire."""
    async with token_endpoint(lifetime=3600) as (url, requests):
        conf = brokers.settings(
            SASL_MECHANISM="OAUTHBEARER",
            OAUTH_TOKEN_URL=url,
            OAUTH_CLIENT_ID="worker",
            OAUTH_CLIENT_SECRET=PASSWORD,
            OAUTH_SCOPE="kafka",
        )
        assert await can_write_and_read(conf, topic)
        assert await can_write_and_read(conf, topic)
    basic = "Basic " + base64.b64encode(f"worker:{PASSWORD}".encode()).decode()
    assert requests == [(basic, {"grant_type": "client_credentials", "scope": "kafka"})]
    with pytest.raises(AdminError) as refused:
        await existing_topics(brokers.settings(**_other(conf, url)))
    assert str(refused.value).startswith(f"TICKSTREAM_KAFKA_OAUTH_TOKEN_URL={url}: ")


def _other(conf: Settings, url: str) -> dict[str, str]:
    """Return the same settings for another client, which has no token yet."""
    return {
        "SASL_MECHANISM": conf.kafka_sasl_mechanism,
        "OAUTH_TOKEN_URL": url,
        "OAUTH_CLIENT_ID": "another",
        "OAUTH_CLIENT_SECRET": PASSWORD,
    }


async def test_client_certificate_alone_authenticates(brokers: Brokers, topic: str) -> None:
    """TLS on both sides; without a trusted certificate the broker closes the connection."""
    changes = {
        "SECURITY_PROTOCOL": "SSL",
        "SSL_CERTFILE": str(brokers.trusted.issue("worker", ports.HOST)),
    }
    conf = brokers.settings(**changes).model_copy(update={"broker_url": brokers.ssl_address})
    assert await can_write_and_read(conf, topic)
    untrusted_certificate = str(brokers.untrusted.issue("worker", ports.HOST))
    other = brokers.settings(**changes | {"SSL_CERTFILE": untrusted_certificate})
    with pytest.raises(AdminError, match="TICKSTREAM_KAFKA_SECURITY_PROTOCOL=SSL"):
        await existing_topics(other.model_copy(update={"broker_url": brokers.ssl_address}))


def test_wrong_password_stops_worker_and_commands_with_one_line(
    brokers: Brokers, background: Executor
) -> None:
    """It names the user, the broker and the mechanism; not the password."""
    wrong = "wrong-horse-battery"
    environment = brokers.environment | {f"{PREFIX}SASL_PASSWORD": wrong}
    worker = brokers.market.worker(**environment)
    worker.start(wait=False)
    try:
        until(lambda: not worker.running, 60)
        assert worker.exit_code == 1
        line = (
            f"the broker at {brokers.sasl_address} refuses user 'worker' by SCRAM-SHA-512: wrong "
            "TICKSTREAM_KAFKA_SASL_USERNAME or TICKSTREAM_KAFKA_SASL_PASSWORD"
        )
        assert worker.tail(1) == line
        assert "ERROR" not in worker.log
        assert wrong not in worker.log
    finally:
        worker.kill()
    commands = (["topics"], ["produce", "--source", "simulator"], ["consume"])
    refused = [background.submit(error_line, *each, **environment) for each in commands]
    assert {each.result() for each in refused} == {f"{line}\n"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SSL_CAFILE": "untrusted"}, "can't be trusted, .*: TICKSTREAM_KAFKA_SSL_CAFILE has to"),
        ({"SECURITY_PROTOCOL": "PLAINTEXT"}, "hangs up on us.*SECURITY_PROTOCOL=PLAINTEXT, what"),
        ({"SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "hangs up on us.*PROTOCOL=SASL_PLAINTEXT, what"),
    ],
)
async def test_settings_that_do_not_match_the_listener_are_reported(
    brokers: Brokers, changes: dict[str, str], message: str
) -> None:
    """An untrusted certificate, a broker that requires TLS or a user name."""
    if "SSL_CAFILE" in changes:
        changes = {"SSL_CAFILE": str(brokers.untrusted.cafile)}
    with pytest.raises(AdminError, match=message) as refused:
        await existing_topics(brokers.settings(**changes))
    assert len(str(refused.value).splitlines()) == 1


async def test_tls_setting_for_a_plaintext_listener_is_reported(brokers: Brokers) -> None:
    """The broker would take the first bytes of TLS for a huge request."""
    conf = brokers.settings().model_copy(update={"broker_url": brokers.market.bootstrap})
    with pytest.raises(AdminError, match="SECURITY_PROTOCOL=SASL_SSL"):
        await existing_topics(conf)
