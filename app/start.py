"""What has to hold before a worker starts: topics as the map says, state of the same pipelines."""

from __future__ import annotations

import fcntl
from typing import IO, TYPE_CHECKING, Any

from app.admin import check_topics, committed_metadata, ensure_topics
from app.batching import BatchSchema
from app.topics import ALL, Changelog, Topic

if TYPE_CHECKING:
    from pathlib import Path

    from app.worker import TickApp


class StartError(Exception):
    """The worker can't start as it is configured; the message says what to do."""


async def prepare(app: TickApp) -> None:
    """Create missing topics and changelogs, compare the others. Raises StartError, AdminError."""
    _check_channels(app)
    changelogs = [table.changelog for table in app.tasks.tables]
    written = [topic for table in app.tasks.tables for topic in table.topics]
    known: list[Topic | Changelog] = [*ALL, *app.tasks.topics.values(), *written, *changelogs]
    topics = {topic.name: topic for topic in known}.values()
    wrong = await check_topics(topics, app.settings)
    if wrong:
        raise StartError("\n".join(map(str, wrong)))
    await ensure_topics(topics, app.settings)
    await _check_pipelines(app)


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
            raise StartError(
                f"application {app.settings.app_id} folds {tp.topic} into {committed}, this worker "
                f"into {ours}: run it with the same TICKSTREAM_PIPELINES and TICKSTREAM_MODULES, "
                "or under another TICKSTREAM_APP_ID"
            )
