"""Topics of the map on the real broker: created once, compared, and explained where they differ."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app import admin
from app.embedded import LocalBroker, ports
from app.settings import Settings
from app.topics import ALL, TOP_GAINERS, Topic

Start = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True)
class Changelog:
    """What a table's changelog has in common with a topic of the map."""

    name: str
    count: int = 2
    settings: dict[str, str] = field(default_factory=lambda: {"cleanup.policy": "compact"})

    def partition_count(self) -> int:
        """Give how many partitions it has."""
        return self.count

    def config(self) -> dict[str, str]:
        """Give its configuration."""
        return self.settings


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Run a broker where nobody else makes topics of the map."""
    with LocalBroker(tmp_path_factory.mktemp("empty")) as running:
        yield running


@pytest.fixture
def conf(monkeypatch: pytest.MonkeyPatch, bootstrap: str) -> Settings:
    """Give the default settings, for the broker all tests share."""
    return settings_with(monkeypatch, BROKER_URL=f"kafka://{bootstrap}")


def settings_with(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    """Read the settings from an environment that has these variables too."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def topics(faust: Start, broker: LocalBroker, *options: str, **environment: str) -> tuple:
    """Run `faust -A app --json topics`; give its exit code, its rows by topic, what it says."""
    url = f"kafka://{broker.bootstrap}"
    command = faust("--json", "topics", *options, BROKER_URL=url, **environment)
    out, said = command.communicate(timeout=60)
    return command.returncode, {row["topic"]: row for row in json.loads(out)}, said


def test_the_command_creates_what_is_missing_and_nothing_twice(
    faust: Start, empty: LocalBroker
) -> None:
    """A dry run creates nothing, the first run all, the second finds all; each exits with 0."""
    expected = {topic.name: topic.partition_count() for topic in ALL}
    for options, state in (("--dry-run",), "missing"), ((), "created"), ((), "exists"):
        code, rows, said = topics(faust, empty, *options)
        assert (code, said) == (0, "")
        assert {name: row["partitions"] for name, row in rows.items()} == expected
        assert {row["state"] for row in rows.values()} == {state}


def test_the_command_says_where_a_topic_disagrees(faust: Start, empty: LocalBroker) -> None:
    """With another TOPIC_PARTITIONS the exit code is 1, and each line says what to do."""
    topics(faust, empty, TOPIC_PARTITIONS="6")
    code, rows, said = topics(faust, empty, TOPIC_PARTITIONS="4")
    assert code == 1
    assert rows["ticks"]["partitions"] == 6
    assert rows["ticks"]["state"] == "should have 4 partitions"
    assert rows["daily-gains"]["state"] == "exists"
    assert [line.split(":")[0] for line in said.splitlines()] == [
        f"topic {name} has 6 partitions, TOPIC_PARTITIONS is 4"
        for name in ("ticks", "candles", "ticks-late", "closes", "trend-signals")
    ]
    assert "set TOPIC_PARTITIONS=6, or delete ticks" in said


def test_the_command_prints_a_table_for_people(faust: Start, empty: LocalBroker) -> None:
    """Without --json each topic is a line with its retention and its purpose."""
    out, _ = faust("topics", BROKER_URL=f"kafka://{empty.bootstrap}").communicate(timeout=60)
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert "8d" in lines["candles"]
    assert "last of each key" in lines["top-gainers"]
    assert TOP_GAINERS.purpose in lines["top-gainers"]


def test_a_broker_out_of_reach_is_one_line_naming_the_variable(faust: Start) -> None:
    """Nothing but the variable, its value and what to do."""
    url = f"kafka://127.0.0.1:{ports.free()}"
    command = faust("topics", BROKER_URL=url)
    out, said = command.communicate(timeout=60)
    assert command.returncode == 1
    assert out == ""
    assert said.startswith(f"no Kafka broker answers at BROKER_URL={url}: ")
    assert len(said.splitlines()) == 1


async def test_many_may_create_the_same_topics_at_once(conf: Settings) -> None:
    """Each gets what it asked for, no one an error, and the topics are there once."""
    wanted = [Changelog(f"at-once-{number}") for number in range(3)]
    created = await asyncio.gather(*(admin.ensure_topics(wanted, conf) for _ in range(4)))
    assert sorted(chain(*created)) == [topic.name for topic in wanted]
    assert await admin.ensure_topics(wanted, conf) == []
    assert await admin.check_topics(wanted, conf) == []


async def test_a_topic_has_the_configuration_of_the_map(conf: Settings) -> None:
    """What `config()` says is what the broker answers."""
    topic = Changelog("configured", settings={"cleanup.policy": "compact", "segment.ms": "60000"})
    await admin.ensure_topics([topic], conf)
    client = AIOKafkaAdminClient(bootstrap_servers=conf.bootstrap_servers)
    await client.start()
    asked = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    [answer] = await client.describe_configs([asked])
    await client.close()
    found = {name: value for name, value, *_ in answer.resources[0][4]}
    assert topic.config().items() <= found.items()


async def test_a_topic_that_differs_is_found_and_left_as_it_is(conf: Settings) -> None:
    """Partitions are never added: keys would move away from their state."""
    await admin.ensure_topics([Changelog("differs", 3)], conf)
    assert await admin.ensure_topics([Changelog("differs", 5)], conf) == []
    [wrong] = await admin.check_topics([Changelog("differs", 5), Changelog("absent")], conf)
    assert (wrong.topic, wrong.found, wrong.expected) == ("differs", 3, 5)
    assert str(wrong).startswith("topic differs has 3 partitions and needs 5: delete differs")
    assert (await admin.existing_topics(conf))["differs"] == 3


async def test_more_replicas_than_brokers_is_one_line(
    monkeypatch: pytest.MonkeyPatch, bootstrap: str
) -> None:
    """The line names the topic and has the broker's reason."""
    conf = settings_with(
        monkeypatch, BROKER_URL=f"kafka://{bootstrap}", TOPIC_REPLICATION_FACTOR="3"
    )
    with pytest.raises(admin.AdminError, match=r"topic lonely can't be created: .*replicat"):
        await admin.ensure_topics([Changelog("lonely")], conf)


def test_a_topic_of_the_map_is_what_admin_asks_for() -> None:
    """The map and the changelogs go through the same functions."""
    described: list[admin.Described] = [*ALL, Changelog("any")]
    assert all(isinstance(each.name, str) for each in described)
    assert isinstance(described[0], Topic)
