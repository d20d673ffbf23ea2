"""Topics on the broker: creates those of the map that are missing, finds those that disagree."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import stamina
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
    for_code,
)

from app.settings import Settings, settings
from app.topics import Topic

#: Seconds a broker may take to make topics and to tell all its nodes of them.
TIMEOUT = 30.0
PAUSE = 0.05

#: An AIOKafkaAdminClient, which is annotated in part only.
Client = Any


class AdminError(Exception):
    """The brokers can't be asked, or refuse; the message is one line for the user."""


class Described(Protocol):
    """What is needed of a topic: one of the map, or a changelog of a table."""

    @property
    def name(self) -> str:
        """The topic's name."""

    def partition_count(self) -> int:
        """Give its number of partitions."""

    def config(self) -> dict[str, str]:
        """Give its configuration in Kafka's names."""


@dataclass(frozen=True)
class Disagreement:
    """A topic that exists with another number of partitions than it should have."""

    topic: str
    found: int
    expected: int
    #: Whether TOPIC_PARTITIONS says what is expected.
    configured: bool

    def __str__(self) -> str:
        found = f"topic {self.topic} has {_partitions(self.found)}"
        remake = f"delete {self.topic} and let `faust -A app topics` make it anew"
        if not self.configured:
            return f"{found} and needs {self.expected}: {remake}"
        return (
            f"{found}, TOPIC_PARTITIONS is {self.expected}: "
            f"set TOPIC_PARTITIONS={self.found}, or {remake}"
        )


async def ensure_topics(topics: Iterable[Described], conf: Settings | None = None) -> list[str]:
    """Create the topics that are missing and return their names, once all brokers know them.

    Others may do the same at the same time. Existing topics stay as they are. Raises AdminError.
    """
    conf = conf or settings()
    wanted = {topic.name: _new(topic, conf) for topic in topics}
    async with _admin(conf) as admin:
        missing = wanted.keys() - (await _partition_counts(admin)).keys()
        created = await _create(admin, [wanted[name] for name in wanted if name in missing])
        await _until_known(admin, missing)
    return created


async def check_topics(
    topics: Iterable[Described], conf: Settings | None = None
) -> list[Disagreement]:
    """Give what is wrong with the topics that exist. Raises AdminError."""
    conf = conf or settings()
    async with _admin(conf) as admin:
        found = await _partition_counts(admin)
    expected = [(topic, _count(topic, conf)) for topic in topics if topic.name in found]
    return [
        Disagreement(topic.name, found[topic.name], count, _configured(topic, conf))
        for topic, count in expected
        if found[topic.name] != count
    ]


async def existing_topics(conf: Settings | None = None) -> dict[str, int]:
    """Give the number of partitions of each topic there is. Raises AdminError."""
    async with _admin(conf or settings()) as admin:
        return await _partition_counts(admin)


async def committed_offsets(conf: Settings | None = None) -> dict[TopicPartition, int]:
    """Give the offsets that the application's group has committed. Raises AdminError."""
    conf = conf or settings()
    async with _admin(conf) as admin:
        offsets = await admin.list_consumer_group_offsets(conf.app_id)
    return {tp: committed.offset for tp, committed in offsets.items() if committed.offset >= 0}


async def committed_metadata(conf: Settings | None = None) -> dict[TopicPartition, str]:
    """Give what the application's group said with each offset it committed. Raises AdminError."""
    conf = conf or settings()
    async with _admin(conf) as admin:
        offsets = await admin.list_consumer_group_offsets(conf.app_id)
    return {tp: committed.metadata for tp, committed in offsets.items() if committed.offset >= 0}


@asynccontextmanager
async def administering(conf: Settings) -> AsyncIterator[Client]:
    """Give a client for what only one command asks for; what it raises becomes an AdminError."""
    async with _admin(conf) as admin:
        yield admin


def _count(topic: Described, conf: Settings) -> int:
    return topic.partition_count(conf) if isinstance(topic, Topic) else topic.partition_count()


def _configured(topic: Described, conf: Settings) -> bool:
    if isinstance(topic, Topic):
        return topic.partitions is None
    return topic.partition_count() == conf.topic_partitions


def _partitions(count: int) -> str:
    return f"{count} partition" if count == 1 else f"{count} partitions"


def _new(topic: Described, conf: Settings) -> NewTopic:
    make: Any = NewTopic
    return make(topic.name, _count(topic, conf), conf.topic_replicas, topic_configs=topic.config())


@asynccontextmanager
async def _admin(conf: Settings) -> AsyncIterator[Client]:
    try:
        async with _client(conf) as admin:
            yield admin
    except (KafkaConnectionError, KafkaTimeoutError, OSError, TimeoutError) as error:
        raise AdminError(_unreachable(conf)) from error
    except KafkaError as error:
        raise AdminError(f"the broker at {conf.broker_url} refuses: {error!r}") from error


@asynccontextmanager
async def _client(conf: Settings) -> AsyncIterator[Client]:
    admin = await _connected(conf)
    try:
        yield admin
    finally:
        await admin.close()


@stamina.retry(on=NodeNotReadyError, attempts=None, timeout=TIMEOUT)
async def _connected(conf: Settings) -> Client:
    """Give a client that knows a node; one that starts answers before it is a broker to others."""
    await _find_listener(conf)
    admin: Client = AIOKafkaAdminClient(
        bootstrap_servers=conf.bootstrap_servers, request_timeout_ms=int(TIMEOUT * 1000)
    )
    try:
        await admin.start()
        await admin.describe_cluster()
    except BaseException:
        await admin.close()
        raise
    return admin


async def _find_listener(conf: Settings) -> None:
    """Find somebody who answers: the client logs each refused connection as an error."""
    for server in conf.bootstrap_servers:
        host, _, port = server.rpartition(":")
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(TIMEOUT / 3):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            return
    raise KafkaConnectionError(conf.broker_url)


def _unreachable(conf: Settings) -> str:
    return (
        f"no Kafka broker answers at BROKER_URL={conf.broker_url}: "
        "start one with `faust -A app broker`, or set BROKER_URL"
    )


async def _partition_counts(admin: Client) -> dict[str, int]:
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def _create(admin: Client, topics: list[NewTopic]) -> list[str]:
    if not topics:
        return []
    response = await admin.create_topics(topics)
    created = []
    for name, code, message in response.topic_errors:
        error = for_code(code)
        if code == 0:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            raise AdminError(f"topic {name} can't be created: {message or error.__name__}")
    return created


async def _until_known(admin: Client, names: Iterable[str]) -> None:
    """Wait until each partition has a leader: clients that ask before are told there is none."""
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
