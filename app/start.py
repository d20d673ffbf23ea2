"""What has to hold before a worker starts: topics as the map says, state of the same pipelines."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from mode import Service

from app.admin import (
    AdminError,
    check_topics,
    committed_metadata,
    ensure_topics,
    existing_topics,
)
from app.batching import BatchSchema
from app.security.web import is_loopback
from app.state.errors import other_pipelines
from app.topics import ALL, Changelog, Topic

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings
    from app.worker import TickApp


#: Seconds between two looks at the topics.
WATCH_INTERVAL = 3.0


class StartError(Exception):
    """The worker can't start as it is configured; the message says what to do."""


async def prepare(app: TickApp) -> None:
    """Create missing topics and changelogs, compare the others. Raises StartError, AdminError."""
    _check_channels(app)
    topics = _topics(app)
    wrong = await check_topics(topics, app.settings)
    if wrong:
        raise StartError("\n".join(map(str, wrong)))
    await ensure_topics([*topics, _leader_topic(app)], app.settings)
    await _check_pipelines(app)


@dataclass(frozen=True)
class _LeaderTopic:
    """The topic by whose one partition Faust's leader is known; nothing stands in it.

    Faust makes it when it has joined the group, which then rebalances once more, seconds after the
    first worker was ready: it is there before.
    """

    name: str

    def partition_count(self) -> int:
        """Give its number of partitions."""
        return 1

    def config(self) -> dict[str, str]:
        """Give its configuration: the broker's own."""
        return {}


def _leader_topic(app: TickApp) -> _LeaderTopic:
    assignor: Any = app._leader_assignor  # noqa: SLF001  # neither has a public name
    return _LeaderTopic(assignor._leader_topic_name)  # noqa: SLF001


def _topics(app: TickApp) -> list[Topic | Changelog]:
    changelogs = [table.changelog for table in app.tasks.tables]
    written = [topic for table in app.tasks.tables for topic in table.topics]
    known: list[Topic | Changelog] = [*ALL, *app.tasks.topics.values(), *written, *changelogs]
    return list({topic.name: topic for topic in known}.values())


class Watch(Service):
    """Stops a worker whose topics change under it, or whose application another one joins.

    A deleted topic is no error to a Kafka client, it waits for it to come back; and where a
    source has more partitions than before, producers send keys to other ones.
    """

    abstract = False

    def __init__(self, app: TickApp) -> None:
        super().__init__()
        self.app = app

    @Service.task
    async def _look(self) -> None:
        topics, told = _topics(self.app), ""
        while not self.should_stop:
            await self.sleep(WATCH_INTERVAL)
            try:
                await _check_unchanged(topics, self.app.settings)
                await _check_pipelines(self.app)
                told = ""
            except StartError as error:
                # Twice: a broker that has just started may not know all topics yet.
                if str(error) == told:
                    await self.app.tasks.give_up(error)
                    return
                told = str(error)
            except AdminError as error:
                # A broker that is away is the tasks' business: they wait for it.
                self.log.warning("Topics can't be looked at: %s", error)


async def _check_unchanged(topics: list[Topic | Changelog], conf: Settings) -> None:
    found = await existing_topics(conf)
    for topic in topics:
        expected, count = topic.partition_count(conf), found.get(topic.name, 0)
        if not count:
            raise StartError(
                f"topic {topic.name} was deleted while the worker ran; nothing of it was committed "
                f"since: {_remedy(topic)}"
            )
        if count != expected:
            raise StartError(
                f"topic {topic.name} had {expected} partitions and has {count} now, so its keys "
                "are in other ones: rebuild from the source under another TICKSTREAM_APP_ID, "
                f"with TOPIC_PARTITIONS={count} and all topics of the application made anew"
            )


def _remedy(topic: Topic | Changelog) -> str:
    if isinstance(topic, Changelog):
        return (
            "its table's state is lost with it, rebuild it from its source under another "
            "TICKSTREAM_APP_ID"
        )
    return "start the worker again, it makes the topic anew, empty"


def demand_protection(conf: Settings) -> None:
    """Raise StartError where strangers could ask this worker, and nobody has said that they may."""
    if not (conf.web_protected or conf.web_open or is_loopback(conf.web_bind)):
        raise StartError(
            f"WEB_BIND={conf.web_bind} can be reached from other machines: set "
            "TICKSTREAM_WEB_TOKEN or TICKSTREAM_WEB_USERS, or TICKSTREAM_WEB_OPEN=true to let "
            "anybody ask"
        )


def lock(directory: Path) -> IO[bytes]:
    """Take a data directory for this process, until the file given is closed.

    Raises StartError if another worker has it: each would find the other's stores in its own.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = (directory / "worker.lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StartError(
            f"{directory} is in use by another worker: give each its own WEB_PORT or APP_DATADIR"
        ) from None
    return file


def _check_channels(app: TickApp) -> None:
    """A topic comes in batches or record by record, to all of its agents alike."""
    for agent in app.agents.values():
        channel: Any = agent.channel
        batched = isinstance(getattr(channel, "schema", None), BatchSchema)
        for topic in getattr(channel, "topics", ()):
            if batched and not app.tasks.owns(topic):
                raise StartError(f"agent {agent.name}: no table is folded from {topic}'s batches")
            if not batched and app.tasks.owns(topic):
                raise StartError(
                    f"agent {agent.name}: {topic} comes in batches, a table is folded from it: "
                    "use app.batches(...), or a topic of its own"
                )


async def _check_pipelines(app: TickApp) -> None:
    """The pipelines are said with every commit: state of others would be left behind."""
    for tp, committed in (await committed_metadata(app.settings)).items():
        ours = app.tasks.signature(tp.topic)
        if committed and ours and committed != ours:
            raise StartError(other_pipelines(app.settings.app_id, tp.topic, committed, ours))
