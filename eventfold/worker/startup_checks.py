"""Checks before a worker starts: its settings, topics, definitions, and outputs."""

import fcntl
import logging
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from eventfold.engine.errors import StartError, TaskError, afresh
from eventfold.engine.table import outputs_of
from eventfold.extras import demand
from eventfold.formats.start import forms_of
from eventfold.kafka.admin import (
    check_topics,
    commit_while_stopped,
    committed_metadata,
    ensure_topics,
    found_topics,
)
from eventfold.kafka.leader_topic import leader_topic
from eventfold.kafka.owner_log import claim_outputs
from eventfold.kafka.schema import BatchSchema
from eventfold.open_files import describe_os_error
from eventfold.private_files import make_private
from eventfold.security.keys import is_shared, keys_of
from eventfold.security.web import is_loopback
from eventfold.settings import Settings
from eventfold.topics import DEAD_LETTERS, OWNERS, SCHEMAS, BoundTopic, Changelog
from eventfold.worker.topic_watch import TopicWatch

logger = logging.getLogger(__name__)


async def prepare(app: Any) -> TopicWatch:
    """Create and check topics, claim outputs; return their watch. Raises StartError."""
    _check_channels(app)
    _check_sources(app)
    topics = topics_of(app)
    found = await check_topics(topics, app.settings)
    wrong = [str(each) for each in found if each.is_fatal]
    if wrong:
        raise StartError("\n".join(wrong))
    for each in found:
        if each.topic in app.tasks.topics:
            logger.warning("%s", each)
    await _take_place(app)
    # Before topics are created, which nobody would use after a failed claim.
    await claim_outputs(app.tasks)
    await ensure_topics([*topics, leader_topic(app)], app.settings)
    return TopicWatch(app, topics, await found_topics(app.settings))


def topics_of(app: Any) -> list[BoundTopic | Changelog]:
    """Return the topics that the tables of an application read or write, and their changelogs.

    They include the topics of dead letters, of owners, and of schemas if the registry is the
    workers' own.
    """
    tables = app.tasks.tables
    used = {topic.name: topic for table in tables for topic in [table.source, *table.topics]}
    for topic in app.tasks.written_by_services:
        used.setdefault(topic.name, topic)
    has_registry = forms_of(tables) and not app.settings.schema_registry
    always = [*([SCHEMAS] if has_registry else []), DEAD_LETTERS, OWNERS]
    every = [topic.of(app.settings) for topic in always]
    sources = {name: replace(used[name], external=True) for name in _undeclared_sources(app)}
    changelogs = {table.changelog.name: table.changelog for table in tables}
    return list((used | sources | {topic.name: topic for topic in every} | changelogs).values())


def declared_topics(app: Any) -> dict[str, BoundTopic]:
    """Return the topics of `topics_of` that are no changelogs, by name."""
    return {each.name: each for each in topics_of(app) if isinstance(each, BoundTopic)}


def _undeclared_sources(app: Any) -> set[str]:
    """Return the names of sources that others write, though they are not declared external."""
    services = {topic.name for topic in app.tasks.written_by_services}
    return {
        name
        for name, topic in app.tasks.topics.items()
        if not (topic.internal or topic.external or name in services or app.tasks.writes(name))
        and not app.settings.topic_prefix
    }


def demand_protection(conf: Settings) -> None:
    """Raise StartError if users can't be checked, or others reach an open web server."""
    if conf.users:
        demand("cryptography", "passwords", conf.variable("web_users"), StartError)
    if not (conf.web_protected or conf.web_open or is_loopback(conf.web_bind)):
        raise StartError(
            f"WEB_BIND={conf.web_bind} can be reached from other machines: set "
            f"{conf.variable('web_token')} or {conf.variable('web_users')}, or "
            f"{conf.variable('web_open')}=true to let anybody ask"
        )


def demand_keys(conf: Settings) -> None:
    """Create this worker's keys if its server needs them. Raises SettingsError."""
    if not conf.web_protected:
        return
    keys_of(conf)
    if not is_shared(conf):
        logger.info(
            "Sessions of browsers are known at this worker alone, and workers refuse each other's "
            "questions: for several workers set %s",
            conf.variable("web_cluster_token"),
        )


def lock(directory: Path) -> IO[bytes]:
    """Lock a data directory until the returned file is closed. Raises StartError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        make_private(directory / "tables")
        file = (directory / "worker.lock").open("wb")
    except OSError as error:
        raise StartError(
            f"APP_DATADIR={directory} can't be used: {describe_os_error(error)}: name a directory "
            "that this user may write in"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StartError(
            f"{directory} is in use by another worker: give each its own WEB_PORT or APP_DATADIR"
        ) from None
    return file


def _check_channels(app: Any) -> None:
    """Raise StartError if an agent reads a table's source by record, or other topics in batches."""
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


def _check_sources(app: Any) -> None:
    """Raise StartError if a prefix would make this worker read a topic that nobody writes."""
    tables = app.tasks.tables
    written = outputs_of(tables, app.settings).keys() | {
        each.name for each in app.tasks.written_by_services
    }
    for source in app.tasks.topics.values():
        if app.settings.topic_prefix and not source.external and source.name not in written:
            raise StartError(
                f"topic {source.name} is read, and nothing here writes it: "
                f"{app.settings.variable('topic_prefix')} is for outputs; declare "
                f"{source.base_name} with external=True, which keeps its name"
            )


async def _take_place(app: Any) -> None:
    """Raise StartError unless this worker's definitions are those of the application."""
    # The definitions of a stopped application may change, except for windows and the set of tables:
    # its offsets are committed again with ours, and workers that start later are compared with
    # those.
    committed, definitions = await committed_metadata(app.settings), app.tasks.definitions
    _check_names(app, {tp.topic for tp in committed})
    try:
        changed = definitions.changed(committed)
        if changed and not await commit_while_stopped(changed, app.settings):
            definitions.demand_same(committed)
    except TaskError as error:
        raise StartError(str(error)) from None


def _check_names(app: Any, committed: set[str]) -> None:
    """Raise StartError if an internal topic was read under its name in older versions."""
    # Records there that are not folded yet would be lost, and offsets, by which results are
    # ordered, would start at 0 again.
    for topic in app.tasks.topics.values():
        old = topic.base_name
        if topic.internal and old in committed and not app.tasks.owns(old):
            raise StartError(
                f"application {app.settings.app_id} has read {old}, which is {topic.name} since "
                f"this version: {afresh(app.settings)}"
            )
