"""Brokers that want TLS and names: every client gets in by the settings, nobody without them.

Real Kafka with two listeners more: SASL_SSL, and SSL that asks for a certificate. Ticks are sent
and results are read at its open one.
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
from eventfold.engine.checkpoint import new_producer
from eventfold.kafka.admin import AdminError, existing_topics

PASSWORD = "correct-horse-battery"  # noqa: S105  # of the broker below
TOKEN = "read-0123456789abcdef"  # noqa: S105  # of the worker's web server
TICKS = 3_000

PREFIX = "TICKSTREAM_KAFKA_"


class Brokers(NamedTuple):
    """A broker with its doors: one that is open, one for names, one for certificates."""

    market: Market
    named: str
    certified: str
    ours: Authority
    strangers: Authority

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a worker that comes in by SCRAM."""
        return {
            "BROKER_URL": self.named,
            f"{PREFIX}SECURITY_PROTOCOL": "SASL_SSL",
            f"{PREFIX}SSL_CAFILE": str(self.ours.cafile),
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
    ours, strangers = Authority(directory, "ours"), Authority(directory, "strangers")
    keystore = ours.issue("broker", ports.HOST)
    named, certified = (f"{ports.HOST}:{ports.free()}" for _ in range(2))
    doors = (
        Secured(named, keystore=keystore, users={"worker": PASSWORD}),
        Secured(certified, "SSL", keystore=keystore, truststore=ours.cafile),
    )
    node = Node(ports.free(), secured=doors)
    with LocalBroker(tmp_path_factory.mktemp("secured-broker"), node=node) as broker:
        market = Market(broker.bootstrap, tmp_path_factory.mktemp("secured-market"))
        yield Brokers(market, named, certified, ours, strangers)


@pytest.fixture
def in_the_background() -> Iterator[Executor]:
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


def refusal(*arguments: str, **environment: str) -> str:
    """Run a command that is not let in; return the one line it ends with."""
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


def test_a_worker_is_exact_over_tls_and_scram(
    brokers: Brokers, tmp_path: Path, in_the_background: Executor
) -> None:
    """Consumer, transactions, restore, admin, source and sink all use it: killed, it goes on.

    Neither the password nor its web token is in its log, nor in those of commands that print
    everything.
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
        produced = in_the_background.submit(
            command, "-l", "debug", "produce", *simulator, **environment
        )
        worker.start()
        assert produced.result().returncode == 0, produced.result().stderr
        rows = str(tmp_path / "rows.csv")
        consumed = command("-l", "debug", "consume", "--until-end", "--output", rows, **environment)
        assert consumed.returncode == 0, consumed.stderr
        until(lambda: lag(market.bootstrap, market.application, "ticks") == 0)
        assert worker.ask("/api/tables").status == 401
        # A command of the same settings may ask.
        asked = command("lateness", **worker.environment)
        assert asked.returncode == 0, asked.stderr
    expected = truth.candles(truth.ticks(market.bootstrap), MINUTE, MINUTE, 5 * MINUTE)
    found = truth.published(market.bootstrap)
    minutes = found.filter((pl.col("size") == MINUTE) & (pl.col("advance") == MINUTE))
    assert not len(truth.differences(expected, minutes))
    assert expected["count"].sum() > TICKS
    told = worker.log + produced.result().stderr + consumed.stderr
    assert "DEBUG" in told
    for hidden in TOKEN, PASSWORD, base64.b64encode(PASSWORD.encode()).decode():
        assert hidden not in told


async def enters(conf: Settings, topic: str) -> bool:
    """Return whether transactions can be written and read with these settings."""
    producer, consumer = new_producer("enters", conf), new_consumer(conf)
    await producer.start()
    await consumer.start()
    try:
        async with producer.transaction():
            sent = await producer.send_and_wait(topic, b"in")
        consumer.assign([TopicPartition(sent.topic, sent.partition)])
        consumer.seek(TopicPartition(sent.topic, sent.partition), sent.offset)
        return (await consumer.getone()).value == b"in"
    finally:
        await consumer.stop()
        await producer.stop()


@asynccontextmanager
async def token_endpoint(lifetime: int) -> AsyncIterator[tuple[str, list[Any]]]:
    """Run a server of tokens for an id and a secret; yield its address, and what it is asked."""
    asked: list[Any] = []

    async def grant(request: web.Request) -> web.Response:
        asked.append((request.headers["Authorization"], dict(await request.post())))
        return web.json_response({"access_token": unsigned(), "expires_in": lifetime})

    application = web.Application()
    application.router.add_post("/token", grant)
    async with TestServer(application) as server:
        yield str(server.make_url("/token")), asked


@pytest.fixture(scope="module")
def topic(brokers: Brokers) -> str:
    """Create a topic to write to."""
    return new_topic(brokers.market.bootstrap, 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_name_is_proved_by_each_mechanism(
    brokers: Brokers, topic: str, mechanism: str
) -> None:
    """Of a task's producer, what reads changelogs, and what looks at topics."""
    conf = brokers.settings(SASL_MECHANISM=mechanism)
    assert await enters(conf, topic)
    assert topic in await existing_topics(conf)


async def test_a_token_comes_from_a_file_as_it_stands_there_now(
    brokers: Brokers, topic: str, tmp_path: Path
) -> None:
    """Somebody else keeps it fresh: what was there before is not used again."""
    file = tmp_path / "token"
    conf = brokers.settings(SASL_MECHANISM="OAUTHBEARER", OAUTH_TOKEN_FILE=str(file))
    with pytest.raises(AdminError, match=r"OAUTH_TOKEN_FILE=.*: No such file or directory$"):
        await existing_topics(conf)
    file.write_text("no.token.\n")
    with pytest.raises(AdminError, match="refuses our OAUTHBEARER token"):
        await existing_topics(conf)
    file.write_text(f"{unsigned()}\n")
    assert await enters(conf, topic)


async def test_a_token_is_given_for_an_id_and_a_secret(brokers: Brokers, topic: str) -> None:
    """Once for many connections, and anew when its time is nearly up."""
    async with token_endpoint(lifetime=3600) as (url, asked):
        conf = brokers.settings(
            SASL_MECHANISM="OAUTHBEARER",
            OAUTH_TOKEN_URL=url,
            OAUTH_CLIENT_ID="worker",
            OAUTH_CLIENT_SECRET=PASSWORD,
            OAUTH_SCOPE="kafka",
        )
        assert await enters(conf, topic)
        assert await enters(conf, topic)
    basic = "Basic " + base64.b64encode(f"worker:{PASSWORD}".encode()).decode()
    assert asked == [(basic, {"grant_type": "client_credentials", "scope": "kafka"})]
    with pytest.raises(AdminError) as refused:
        await existing_topics(brokers.settings(**_other(conf, url)))
    assert str(refused.value).startswith(f"TICKSTREAM_KAFKA_OAUTH_TOKEN_URL={url}: ")


def _other(conf: Settings, url: str) -> dict[str, str]:
    """Return the same settings for another client, whose token is not there yet."""
    return {
        "SASL_MECHANISM": conf.kafka_mechanism,
        "OAUTH_TOKEN_URL": url,
        "OAUTH_CLIENT_ID": "another",
        "OAUTH_CLIENT_SECRET": PASSWORD,
    }


async def test_a_certificate_may_be_all_that_is_asked_for(brokers: Brokers, topic: str) -> None:
    """TLS on both sides; without one of ours the broker hangs up."""
    changes = {
        "SECURITY_PROTOCOL": "SSL",
        "SSL_CERTFILE": str(brokers.ours.issue("worker", ports.HOST)),
    }
    conf = brokers.settings(**changes).model_copy(update={"broker_url": brokers.certified})
    assert await enters(conf, topic)
    stranger = str(brokers.strangers.issue("worker", ports.HOST))
    other = brokers.settings(**changes | {"SSL_CERTFILE": stranger})
    with pytest.raises(AdminError, match="TICKSTREAM_KAFKA_SECURITY_PROTOCOL=SSL"):
        await existing_topics(other.model_copy(update={"broker_url": brokers.certified}))


def test_with_a_wrong_password_a_worker_stops_with_one_line(
    brokers: Brokers, in_the_background: Executor
) -> None:
    """It names who was rejected, where and by what; not the password."""
    wrong = "wrong-horse-battery"
    environment = brokers.environment | {f"{PREFIX}SASL_PASSWORD": wrong}
    worker = brokers.market.worker(**environment)
    worker.start(wait=False)
    try:
        until(lambda: not worker.running, 60)
        assert worker.exit_code == 1
        line = (
            f"the broker at {brokers.named} refuses user 'worker' by SCRAM-SHA-512: wrong "
            "TICKSTREAM_KAFKA_SASL_USERNAME or TICKSTREAM_KAFKA_SASL_PASSWORD"
        )
        assert worker.tail(1) == line
        assert "ERROR" not in worker.log
        assert wrong not in worker.log
    finally:
        worker.kill()
    commands = (["topics"], ["produce", "--source", "simulator"], ["consume"])
    refused = [in_the_background.submit(refusal, *each, **environment) for each in commands]
    assert {each.result() for each in refused} == {f"{line}\n"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SSL_CAFILE": "strangers"}, "can't be trusted, .*: TICKSTREAM_KAFKA_SSL_CAFILE has to"),
        ({"SECURITY_PROTOCOL": "PLAINTEXT"}, "hangs up on us.*SECURITY_PROTOCOL=PLAINTEXT, what"),
        ({"SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "hangs up on us.*PROTOCOL=SASL_PLAINTEXT, what"),
    ],
)
async def test_what_does_not_fit_the_broker_is_named(
    brokers: Brokers, changes: dict[str, str], said: str
) -> None:
    """A certificate of somebody else, a broker that wants TLS or a name."""
    if "SSL_CAFILE" in changes:
        changes = {"SSL_CAFILE": str(brokers.strangers.cafile)}
    with pytest.raises(AdminError, match=said) as refused:
        await existing_topics(brokers.settings(**changes))
    assert len(str(refused.value).splitlines()) == 1


async def test_a_broker_without_tls_is_named(brokers: Brokers) -> None:
    """It would take the first bytes of TLS for a huge request."""
    conf = brokers.settings().model_copy(update={"broker_url": brokers.market.bootstrap})
    with pytest.raises(AdminError, match="SECURITY_PROTOCOL=SASL_SSL"):
        await existing_topics(conf)
