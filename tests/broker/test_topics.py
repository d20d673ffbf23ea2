"""Topics of the map on the real broker: created once, compared, and explained where they differ."""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from all_topics import ALL
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    NewTopic,
    ResourceType,
)
from confluent_kafka.admin import ConfigResource as KafkaResource
from waiting import until

from app.market.topics import TOP_GAINERS
from app.settings import Settings
from eventfold.embedded import LocalBroker, ports
from eventfold.kafka import admin
from eventfold.topics import AFTER_MAX, Topic

Start = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True)
class Changelog:
    """Changelog of a table, as far as it is like a topic of the map."""

    name: str
    count: int = 2
    settings: dict[str, str] = field(default_factory=lambda: {"cleanup.policy": "compact"})

    def partition_count(self) -> int:
        """Return the number of partitions."""
        return self.count

    def config(self) -> dict[str, str]:
        """Return the configuration."""
        return self.settings


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Run a broker where nobody else makes topics of the map."""
    with LocalBroker(tmp_path_factory.mktemp("empty")) as running:
        yield running


@pytest.fixture
def conf(monkeypatch: pytest.MonkeyPatch, bootstrap: str) -> Settings:
    """Return the default settings, for the broker that all tests share."""
    return settings_with(monkeypatch, BROKER_URL=f"kafka://{bootstrap}")


def settings_with(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    """Read the settings from an environment that has these variables too."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def topics(faust: Start, broker: LocalBroker, *options: str, **environment: str) -> tuple:
    """Run `faust -A app --json topics`; return its exit code, its rows by topic, what it prints."""
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
    assert "set TOPIC_PARTITIONS=6" in said
    assert "delete" not in said


def test_the_command_prints_a_table_for_people(faust: Start, empty: LocalBroker) -> None:
    """Without --json each topic is a line with its retention and its purpose."""
    out, _ = faust("topics", BROKER_URL=f"kafka://{empty.bootstrap}").communicate(timeout=60)
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert "8d" in lines["candles"]
    assert "last of each key" in lines["top-gainers"]
    assert TOP_GAINERS.purpose in lines["top-gainers"]


def test_a_source_whose_clocks_are_not_bounded_is_named_and_stops_nothing(
    faust: Start, empty: LocalBroker
) -> None:
    """Whoever made it; sources that we make are bounded, and outputs are nobody's clock."""
    topics(faust, empty)
    admin_client = AdminClient({"bootstrap.servers": empty.bootstrap})
    admin_client.delete_topics(["clicks"])["clicks"].result(30)
    until(lambda: "clicks" not in admin_client.list_topics(timeout=10).topics)
    admin_client.create_topics([NewTopic("clicks", 3, 1)])["clicks"].result(30)
    code, rows, said = topics(faust, empty)
    assert code == 0
    bound = "message.timestamp.after.max.ms=300000"
    assert [n for n, row in rows.items() if row["state"] != "exists"] == ["clicks"]
    assert rows["clicks"]["state"] == f"should have {bound}"
    # The default of Kafka 4.
    assert said.startswith("topic clicks takes records of clocks that are 1h ahead")
    assert f"--entity-name clicks --add-config {bound}" in said
    assert said.count("\n") == 1
    # What that command does.
    entry = ConfigEntry(*bound.split("="), incremental_operation=AlterConfigOpType.SET)
    wanted = KafkaResource(ResourceType.TOPIC, "clicks", incremental_configs=[entry])
    admin_client.incremental_alter_configs([wanted])[wanted].result(30)
    code, rows, said = topics(faust, empty)
    assert (code, rows["clicks"]["state"], said) == (0, "exists", "")


def test_a_producer_whose_clock_is_an_hour_ahead_is_refused_by_the_broker(
    faust: Start, empty: LocalBroker
) -> None:
    """Its event times agree with its Kafka timestamps: nobody but the broker can tell."""
    topics(faust, empty)
    producer, refused = Producer({"bootstrap.servers": empty.bootstrap}), []
    ahead = int(time.time() * 1000) + 3_500_000
    producer.produce(
        "ticks",
        key=b"A",
        value=b'{"symbol":"A","price":1,"time":%d}' % ahead,
        timestamp=ahead,
        on_delivery=lambda error, _: refused.append(error),
    )
    producer.flush(30)
    assert [error.name() for error in refused] == ["INVALID_TIMESTAMP"]


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


async def test_a_broker_that_knows_no_bound_of_timestamps_makes_the_topic_without(
    conf: Settings,
) -> None:
    """Before Kafka 3.6 it is a configuration as wrong as this value is."""
    wanted = {"cleanup.policy": "delete", AFTER_MAX: "-5"}
    assert await admin.ensure_topics([Changelog("old", settings=wanted)], conf) == ["old"]
    wanted[AFTER_MAX] = "1000"
    [unbounded] = await admin.check_topics([Changelog("old", settings=wanted)], conf)
    assert not unbounded.is_fatal
    assert unbounded.expectation == f"{AFTER_MAX}=1000"


async def test_a_topic_that_differs_is_found_and_left_as_it_is(conf: Settings) -> None:
    """Partitions are never added: keys would move away from their state."""
    await admin.ensure_topics([Changelog("differs", 3)], conf)
    assert await admin.ensure_topics([Changelog("differs", 5)], conf) == []
    [wrong] = await admin.check_topics([Changelog("differs", 5), Changelog("absent")], conf)
    assert (wrong.topic, wrong.expectation) == ("differs", "5 partitions")
    assert isinstance(wrong, admin.PartitionCount)
    assert str(wrong).startswith("topic differs has 3 partitions and needs 5: start afresh")
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


async def test_a_topic_that_is_cleaned_otherwise_is_found_while_nothing_is_lost(
    conf: Settings,
) -> None:
    """Rows of a changelog that is not compacted would go by their age, ticks by their key."""
    policies = {"kept-short": "delete", "kept-both": "compact,delete", "kept-well": "compact"}
    await admin.ensure_topics(
        [Changelog(name, settings={"cleanup.policy": policy}) for name, policy in policies.items()],
        conf,
    )
    wrong = await admin.check_topics([Changelog(name) for name in policies], conf)
    assert {each.topic for each in wrong} == {"kept-short", "kept-both"}
    assert {each.expectation for each in wrong} == {"cleanup.policy=compact"}
    assert "rows would be deleted by their age: `kafka-configs.sh --alter" in str(wrong[0])
    records = Changelog("kept-well", settings={"cleanup.policy": "delete"})
    [wrong_way] = await admin.check_topics([records], conf)
    assert "all but the last record of each key would be deleted" in str(wrong_way)


def test_a_changelog_made_beforehand_that_is_not_compacted_is_named_by_the_command(
    faust: Start, empty: LocalBroker
) -> None:
    """With what to do; the exit code is 1."""
    name = "early-candles-changelog"
    resource = NewTopic(name, 6, 1, config={"cleanup.policy": "delete"})
    admin_client = AdminClient({"bootstrap.servers": empty.bootstrap})
    admin_client.create_topics([resource])[name].result(30)
    code, _, said = topics(faust, empty, "--dry-run", TICKSTREAM_APP_ID="early")
    assert code == 1
    assert said.startswith(f"topic {name} has cleanup.policy=delete, by which rows")
    assert f"--entity-name {name} --add-config cleanup.policy=compact" in said
    assert said.count("\n") == 1
