"""What has to hold before a worker starts: topics as the map says, state of the same pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.admin import check_topics, committed_metadata, ensure_topics
from app.topics import ALL, Changelog, Topic

if TYPE_CHECKING:
    from app.worker import TickApp


class StartError(Exception):
    """The worker can't start as it is configured; the message says what to do."""


async def prepare(app: TickApp) -> None:
    """Create missing topics and changelogs, compare the others. Raises StartError, AdminError."""
    changelogs = [table.changelog for table in app.tasks.tables]
    known: list[Topic | Changelog] = [*ALL, *app.tasks.topics.values(), *changelogs]
    topics = {topic.name: topic for topic in known}.values()
    wrong = await check_topics(topics, app.settings)
    if wrong:
        raise StartError("\n".join(map(str, wrong)))
    await ensure_topics(topics, app.settings)
    await _check_pipelines(app)


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
