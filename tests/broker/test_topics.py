"""Declared topics on a real broker: created once, compared, and reported where they differ."""

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
    """Stands for a changelog: the attributes that it shares with a declared topic."""

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
    """Run a broker where no other test creates declared topics."""
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
    """Run `faust -A app --json topics`; return its exit code, its rows by topic, its errors."""
    url = f"kafka://{broker.bootstrap}"
    command = faust("--json", "topics", *options, BROKER_URL=url, **environment)
    out, err = command.communicate(timeout=60)
    return command.returncode, {row["topic"]: row for row in json.loads(out)}, err


def test_topics_command_creates_only_missing_topics(faust: Start, empty: LocalBroker) -> None:
    """A dry run creates nothing, the first run all, the second finds all; each exits with 0."""
    expected = {topic.name: topic.partition_count() for topic in ALL}
    for options, state in (("--dry-run",), "missing"), ((), "created"), ((), "exists"):
        code, rows, err = topics(faust, empty, *options)
        assert (code, err) == (0, "")
        assert {name: row["partitions"] for name, row in rows.items()} == expected
        assert {row["state"] for row in rows.values()} == {state}


def test_topics_command_reports_topics_that_differ(faust: Start, empty: LocalBroker) -> None:
    """With another TOPIC_PARTITIONS the exit code is 1, and each line has a remedy."""
    topics(faust, empty, TOPIC_PARTITIONS="6")
    code, rows, err = topics(faust, empty, TOPIC_PARTITIONS="4")
    assert code == 1
    assert rows["ticks"]["partitions"] == 6
    assert rows["ticks"]["state"] == "should have 4 partitions"
    assert rows["daily-gains"]["state"] == "exists"
    assert [line.split(":")[0] for line in err.splitlines()] == [
        f"topic {name} has 6 partitions, TOPIC_PARTITIONS is 4"
        for name in ("ticks", "candles", "ticks-late", "closes", "trend-signals")
    ]
    assert "set TOPIC_PARTITIONS=6" in err
    assert "delete" not in err


def test_topics_command_prints_a_table_without_json(faust: Start, empty: LocalBroker) -> None:
    """Each topic is a line with its retention and its purpose."""
    out, _ = faust("topics", BROKER_URL=f"kafka://{empty.bootstrap}").communicate(timeout=60)
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert "8d" in lines["candles"]
    assert "last of each key" in lines["top-gainers"]
    assert TOP_GAINERS.purpose in lines["top-gainers"]


def test_source_without_a_timestamp_bound_is_a_warning(faust: Start, empty: LocalBroker) -> None:
    """Sources that we create have the bound, and outputs need none."""
    topics(faust, empty)
    admin_client = AdminClient({"bootstrap.servers": empty.bootstrap})
    admin_client.delete_topics(["clicks"])["clicks"].result(30)
    until(lambda: "clicks" not in admin_client.list_topics(timeout=10).topics)
    admin_client.create_topics([NewTopic("clicks", 3, 1)])["clicks"].result(30)
    code, rows, err = topics(faust, empty)
    assert code == 0
    bound = "message.timestamp.after.max.ms=300000"
    assert [n for n, row in rows.items() if row["state"] != "exists"] == ["clicks"]
    assert rows["clicks"]["state"] == f"should have {bound}"
    # The default of Kafka 4.
    assert err.startswith("topic clicks takes records of clocks that are 1h ahead")
    assert f"--entity-name clicks --add-config {bound}" in err
    assert err.count("\n") == 1
    # The suggested command does the same.
    entry = ConfigEntry(*bound.split("="), incremental_operation=AlterConfigOpType.SET)
    wanted = KafkaResource(ResourceType.TOPIC, "clicks", incremental_configs=[entry])
    admin_client.incremental_alter_configs([wanted])[wanted].result(30)
    code, rows, err = topics(faust, empty)
    assert (code, rows["clicks"]["state"], err) == (0, "exists", "")


def test_broker_rejects_records_of_a_clock_an_hour_ahead(faust: Start, empty: LocalBroker) -> None:
    """Event times agree with Kafka's timestamps: only the broker can detect it."""
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


def test_unreachable_broker_is_reported_in_one_line(faust: Start) -> None:
    """The line has the variable, its value and a remedy."""
    url = f"kafka://127.0.0.1:{ports.free()}"
    command = faust("topics", BROKER_URL=url)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 1
    assert out == ""
    assert err.startswith(f"no Kafka broker answers at BROKER_URL={url}: ")
    assert len(err.splitlines()) == 1


async def test_same_topics_can_be_created_concurrently(conf: Settings) -> None:
    """Each topic is created once, and no caller gets an error."""
    wanted = [Changelog(f"at-once-{number}") for number in range(3)]
    created = await asyncio.gather(*(admin.ensure_topics(wanted, conf) for _ in range(4)))
    assert sorted(chain(*created)) == [topic.name for topic in wanted]
    assert await admin.ensure_topics(wanted, conf) == []
    assert await admin.check_topics(wanted, conf) == []


async def test_created_topic_has_its_declared_configuration(conf: Settings) -> None:
    """The broker's answer has every entry of `config()`."""
    topic = Changelog("configured", settings={"cleanup.policy": "compact", "segment.ms": "60000"})
    await admin.ensure_topics([topic], conf)
    client = AIOKafkaAdminClient(bootstrap_servers=conf.bootstrap_servers)
    await client.start()
    asked = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    [answer] = await client.describe_configs([asked])
    await client.close()
    found = {name: value for name, value, *_ in answer.resources[0][4]}
    assert topic.config().items() <= found.items()


async def test_topic_is_created_without_a_timestamp_bound_on_old_brokers(
    conf: Settings,
) -> None:
    """Brokers before Kafka 3.6 reject that entry, as they reject the value here."""
    wanted = {"cleanup.policy": "delete", AFTER_MAX: "-5"}
    assert await admin.ensure_topics([Changelog("old", settings=wanted)], conf) == ["old"]
    wanted[AFTER_MAX] = "1000"
    [unbounded] = await admin.check_topics([Changelog("old", settings=wanted)], conf)
    assert not unbounded.is_fatal
    assert unbounded.expectation == f"{AFTER_MAX}=1000"


async def test_topic_with_other_partitions_is_reported_and_not_changed(conf: Settings) -> None:
    """Partitions are never added: keys would move away from their state."""
    await admin.ensure_topics([Changelog("differs", 3)], conf)
    assert await admin.ensure_topics([Changelog("differs", 5)], conf) == []
    [wrong] = await admin.check_topics([Changelog("differs", 5), Changelog("absent")], conf)
    assert (wrong.topic, wrong.expectation) == ("differs", "5 partitions")
    assert isinstance(wrong, admin.PartitionCount)
    assert str(wrong).startswith("topic differs has 3 partitions and needs 5: start afresh")
    assert (await admin.existing_topics(conf))["differs"] == 3


async def test_more_replicas_than_brokers_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, bootstrap: str
) -> None:
    """The line names the topic and has the broker's reason."""
    conf = settings_with(
        monkeypatch, BROKER_URL=f"kafka://{bootstrap}", TOPIC_REPLICATION_FACTOR="3"
    )
    with pytest.raises(admin.AdminError, match=r"topic lonely can't be created: .*replicat"):
        await admin.ensure_topics([Changelog("lonely")], conf)


def test_declared_topics_and_changelogs_satisfy_one_protocol() -> None:
    """Both go through the same functions."""
    described: list[admin.Described] = [*ALL, Changelog("any")]
    assert all(isinstance(each.name, str) for each in described)
    assert isinstance(described[0], Topic)


async def test_wrong_cleanup_policy_is_reported(
    conf: Settings,
) -> None:
    """Without compaction a changelog would lose old rows; with it, ticks would lose records."""
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


def test_existing_changelog_without_compaction_is_reported(
    faust: Start, empty: LocalBroker
) -> None:
    """With a remedy; the exit code is 1."""
    name = "early-candles-changelog"
    resource = NewTopic(name, 6, 1, config={"cleanup.policy": "delete"})
    admin_client = AdminClient({"bootstrap.servers": empty.bootstrap})
    admin_client.create_topics([resource])[name].result(30)
    code, _, err = topics(faust, empty, "--dry-run", TICKSTREAM_APP_ID="early")
    assert code == 1
    assert err.startswith(f"topic {name} has cleanup.policy=delete, by which rows")
    assert f"--entity-name {name} --add-config cleanup.policy=compact" in err
    assert err.count("\n") == 1
