"""Topics on the broker: creation of missing ones, and checks of the configuration of existing ones.

Also the offsets and the members of the application's consumer group.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import stamina
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    CommitFailedError,
    InvalidConfigurationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.structs import OffsetAndMetadata

from eventfold.engine.errors import afresh
from eventfold.kafka.admin_client import TIMEOUT, AdminClient, passes
from eventfold.kafka.broker_preflight import RefusedError, demand_entry, describe_unreachable
from eventfold.kafka.clients.connections import client_options, running
from eventfold.settings import Settings
from eventfold.topics import AFTER_MAX, TIMESTAMP_TYPE, Timestamp, Topic
from eventfold.windows.durations import approximate_duration

#: Seconds between two polls for topics that are being created.
PAUSE = 0.05

logger = logging.getLogger(__name__)

_CLEANUP = "cleanup.policy"
#: Settings of a topic that are checked.
_CHECKED = (_CLEANUP, TIMESTAMP_TYPE, AFTER_MAX)

Client = AdminClient


class AdminError(Exception):
    """Error of an admin request that failed; the message is one line for the user."""


class Described(Protocol):
    """Interface of a topic that can be created and checked: a declared topic or a changelog."""

    @property
    def name(self) -> str:
        """The topic's name."""

    def partition_count(self) -> int:
        """Return its number of partitions."""

    def config(self) -> dict[str, str]:
        """Return its configuration, by Kafka's names of the settings."""


@dataclass(frozen=True)
class PartitionCount:
    """Disagreement: the topic exists with another number of partitions than expected."""

    topic: str
    found: int
    expected: int
    #: Settings of the application, for the remedy.
    conf: Settings = field(repr=False)
    #: Whether TOPIC_PARTITIONS determines the expected number.
    configured: bool
    #: Whether it is an external source, whose name has no prefix.
    external: bool = False
    is_fatal: ClassVar[bool] = True

    @property
    def expectation(self) -> str:
        """The expected setting."""
        return _partitions(self.expected)

    def __str__(self) -> str:
        # Never advise to delete it: others may use it.
        found = f"topic {self.topic} has {_partitions(self.found)}"
        if not self.configured:
            declare = f"declare it with partitions={self.found}"
            remedy = declare if self.external else afresh(self.conf)
            return f"{found} and needs {self.expected}: {remedy}"
        follow = f"set TOPIC_PARTITIONS={self.found}"
        return f"{found}, TOPIC_PARTITIONS is {self.expected}: " + (
            follow if self.external else f"{follow}, or {afresh(self.conf)}"
        )


@dataclass(frozen=True)
class CleanupPolicy:
    """Disagreement: the topic has another `cleanup.policy` than it needs."""

    topic: str
    found: str
    expected: str
    is_fatal: ClassVar[bool] = True

    @property
    def expectation(self) -> str:
        """The expected setting."""
        return f"cleanup.policy={self.expected}"

    def __str__(self) -> str:
        lost = (
            "rows would be deleted by their age"
            if self.expected == "compact"
            else "all but the last record of each key would be deleted"
        )
        return (
            f"topic {self.topic} has cleanup.policy={self.found}, by which {lost}: "
            f"`{_altering(self.topic, f'cleanup.policy={self.expected}')}` while none is"
        )


@dataclass(frozen=True)
class UnboundedClock:
    """Disagreement: brokers accept timestamps further ahead of their clock than expected."""

    topic: str
    #: The bound of the brokers (ms); None if they have none.
    found: int | None
    expected: int
    is_fatal: ClassVar[bool] = False

    @property
    def expectation(self) -> str:
        """The expected setting."""
        return f"{AFTER_MAX}={self.expected}"

    def __str__(self) -> str:
        how_far = "any time" if self.found is None else approximate_duration(self.found)
        return (
            f"topic {self.topic} takes records of clocks that are {how_far} ahead, and one such "
            "producer makes the records of all others late: "
            f"`{_altering(self.topic, self.expectation)}`, on Kafka 3.6 or newer"
        )


#: A setting in which an existing topic differs from its declaration: its `expectation` in a few
#: words, whether it `is_fatal`, so that no worker starts; `str` is the remedy.
Disagreement = PartitionCount | CleanupPolicy | UnboundedClock


def _altering(topic: str, setting: str) -> str:
    """Return the shell command that changes a setting of a topic."""
    return (
        f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} "
        f"--add-config {setting}"
    )


async def ensure_topics(topics: Iterable[Described], conf: Settings) -> list[str]:
    """Create missing topics and return their names, once each partition has a leader.

    Other processes may do the same at the same time. Existing topics stay as they are.

    Raises AdminError.
    """
    wanted = {topic.name: _new(topic, conf) for topic in topics}
    async with _admin(conf) as admin:
        missing = wanted.keys() - (await _partition_counts(admin)).keys()
        created = await _create(admin, [wanted[name] for name in wanted if name in missing])
        await _until_known(admin, missing)
    return created


async def check_topics(topics: Iterable[Described], conf: Settings) -> list[Disagreement]:
    """Return the settings of existing topics that differ from what results depend on.

    Not all of them are fatal. Raises AdminError.
    """
    async with _admin(conf) as admin:
        counts = await _partition_counts(admin)
        existing = [topic for topic in topics if topic.name in counts]
        configs = await _configs(admin, [topic.name for topic in existing])
    return [
        *_wrong_counts(existing, counts, conf),
        *_wrong_policies(existing, configs),
        *_unbounded_clocks(existing, configs),
    ]


def _wrong_counts(
    topics: Iterable[Described], found: Mapping[str, int], conf: Settings
) -> list[PartitionCount]:
    return [
        PartitionCount(
            topic.name,
            found[topic.name],
            count,
            conf,
            _configured(topic, conf),
            isinstance(topic, Topic) and topic.external,
        )
        for topic in topics
        if found[topic.name] != (count := topic.partition_count())
    ]


#: The settings of a topic that are checked.
_Config = dict[str, str]


def _wrong_policies(
    topics: Iterable[Described], configs: Mapping[str, _Config]
) -> Iterator[CleanupPolicy]:
    for topic in topics:
        wanted, config = topic.config().get(_CLEANUP), configs.get(topic.name)
        if wanted and config:
            found = ",".join(sorted(config[_CLEANUP].split(",")))
            if found != wanted:
                yield CleanupPolicy(topic.name, found, wanted)


def _unbounded_clocks(
    topics: Iterable[Described], configs: Mapping[str, _Config]
) -> Iterator[UnboundedClock]:
    for topic in topics:
        wanted, config = topic.config().get(AFTER_MAX), configs.get(topic.name)
        # With log-append time no clock of a producer is in the topic.
        if wanted is None or not config or config[TIMESTAMP_TYPE] == Timestamp.LOG_APPEND.value:
            continue
        found = config.get(AFTER_MAX)
        if found is None or int(found) > int(wanted):
            yield UnboundedClock(topic.name, None if found is None else int(found), int(wanted))


async def _configs(admin: Client, names: Iterable[str]) -> dict[str, _Config]:
    """Return the settings in `_CHECKED` of each topic readable by this user. Raises AdminError."""
    wanted = dict.fromkeys(_CHECKED)
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, wanted) for name in names]
    found = {}
    for response in await admin.describe_configs(asked):
        for code, message, _, name, entries in response.resources:
            if for_code(code) is TopicAuthorizationFailedError:
                logger.warning("The configuration of %s can't be checked: %s", name, message)
                continue
            if code:
                raise AdminError(f"topic {name} can't be described: {message or for_code(code)!r}")
            found[name] = {key: value for key, value, *_ in entries}
    return found


async def existing_topics(conf: Settings) -> dict[str, int]:
    """Return the number of partitions of each existing topic. Raises AdminError."""
    async with _admin(conf) as admin:
        return await _partition_counts(admin)


@dataclass(frozen=True)
class Found:
    """Partitions and id of an existing topic."""

    partitions: int
    #: Distinguishes it from a deleted topic of the same name; empty if brokers have no ids.
    topic_id: str


async def found_topics(conf: Settings) -> dict[str, Found]:
    """Return partitions and id of each existing topic, by name. Raises AdminError."""
    async with _admin(conf) as admin:
        return {
            topic["topic"]: Found(len(topic["partitions"]), topic.get("topic_id", ""))
            for topic in await admin.describe_topics()
        }


async def committed_offsets(conf: Settings) -> dict[TopicPartition, int]:
    """Return the committed offsets of the application's group. Raises AdminError."""
    committed = await committed_metadata(conf)
    return {tp: each.offset for tp, each in committed.items()}


async def committed_metadata(
    conf: Settings,
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Return the committed offsets and metadata of the application's group. Raises AdminError."""
    async with _admin(conf) as admin:
        return await admin.committed(conf.app_id)


async def commit_while_stopped(
    offsets: Mapping[TopicPartition, OffsetAndMetadata], conf: Settings
) -> bool:
    """Commit offsets of the application's group if the group is empty; return whether it was.

    The coordinator decides: it accepts commits of clients outside the group only while the group
    is empty. Raises AdminError.
    """
    consumer = AIOKafkaConsumer(
        group_id=conf.app_id, enable_auto_commit=False, **client_options(conf)
    )
    async with running(consumer):
        consumer.assign(list(offsets))
        try:
            async with asyncio.timeout(TIMEOUT):
                await consumer.commit(dict(offsets))
        except CommitFailedError:
            return False
        except (KafkaError, TimeoutError) as error:
            raise AdminError(f"offsets of {conf.app_id} can't be committed: {error!r}") from error
    return True


async def group_members(conf: Settings) -> list[Any]:
    """Return the members of the application's group as in Kafka's response. Raises AdminError."""
    async with _admin(conf) as admin:
        _, _, _, _, _, members, *_ = await admin.describe_group(conf.app_id)
    return list(members)


@asynccontextmanager
async def administering(conf: Settings) -> AsyncIterator[Client]:
    """Open an admin client for the requests of one command; its errors become AdminErrors."""
    async with _admin(conf) as admin:
        yield admin


def _configured(topic: Described, conf: Settings) -> bool:
    if isinstance(topic, Topic):
        return topic.partitions is None
    return topic.partition_count() == conf.topic_partitions


def _partitions(count: int) -> str:
    return f"{count} partition" if count == 1 else f"{count} partitions"


def _new(topic: Described, conf: Settings) -> NewTopic:
    make: Any = NewTopic
    return make(
        topic.name, topic.partition_count(), conf.topic_replicas, topic_configs=topic.config()
    )


@asynccontextmanager
async def _admin(conf: Settings) -> AsyncIterator[Client]:
    try:
        admin = await _connected(conf)
        try:
            yield admin
        finally:
            await admin.close()
    except RefusedError as error:
        raise AdminError(str(error)) from error
    except (KafkaConnectionError, KafkaTimeoutError, OSError, TimeoutError) as error:
        raise AdminError(describe_unreachable(conf)) from error
    except KafkaError as error:
        what = f"is not ready after {TIMEOUT:.0f} s" if passes(error) else "refuses"
        raise AdminError(f"the broker at {conf.broker_url} {what}: {error!r}") from error


@stamina.retry(on=NodeNotReadyError, attempts=None, timeout=TIMEOUT)
async def _connected(conf: Settings) -> Client:
    """Return a connected client. Raises RefusedError, KafkaError, OSError."""
    # A starting broker answers before its metadata lists any node.
    # The client itself logs each refused connection as an error, without the reason.
    await demand_entry(conf)
    admin = AdminClient(request_timeout_ms=int(TIMEOUT * 1000), **client_options(conf))
    try:
        await admin.start()
        await admin.describe_cluster()
    except BaseException:
        await admin.close()
        raise
    return admin


async def _partition_counts(admin: Client) -> dict[str, int]:
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def _create(admin: Client, topics: list[NewTopic]) -> list[str]:
    if not topics:
        return []
    response = await admin.create_topics(topics)
    by_name = {topic.name: topic for topic in topics}
    created, unbounded = [], []
    for name, code, message in response.topic_errors:
        error = for_code(code)
        if code == 0:
            created.append(name)
        elif error is InvalidConfigurationError and AFTER_MAX in by_name[name].topic_configs:
            unbounded.append(by_name[name])
        elif error is not TopicAlreadyExistsError:
            raise AdminError(f"topic {name} can't be created: {message or error.__name__}")
    return created + await _create_unbounded(admin, unbounded)


async def _create_unbounded(admin: Client, topics: list[NewTopic]) -> list[str]:
    """Create topics without a bound of timestamps, which brokers before Kafka 3.6 don't know."""
    for topic in topics:
        del topic.topic_configs[AFTER_MAX]
    return await _create(admin, topics)


async def _until_known(admin: Client, names: Iterable[str]) -> None:
    """Wait until each partition has a leader: requests sent before fail. Raises TimeoutError."""
    async with asyncio.timeout(TIMEOUT):
        waiting = set(names)
        while waiting:
            described = await admin.describe_topics(list(waiting))
            waiting -= {topic["topic"] for topic in described if _is_led(topic)}
            if waiting:
                await asyncio.sleep(PAUSE)


def _is_led(topic: dict) -> bool:
    partitions = topic["partitions"]
    return bool(partitions) and all(partition["leader"] >= 0 for partition in partitions)
