"""Reset of an application to its initial state: deletes offsets, changelogs and local state.

In this order: the group's offsets, which Kafka does not delete while the group has members;
changelogs; topics between its own operators; local stores. The application can start after an
interruption at any point: state without a committed offset is used as it is, and a store whose
changelog is gone is recreated.
"""

import asyncio
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import NonEmptyGroup, for_code

from eventfold.cli.letters.resending import note_reset
from eventfold.engine.definitions import of_metadata
from eventfold.engine.table import StateTable, outputs_of
from eventfold.kafka.admin import (
    AdminError,
    Client,
    administering,
    committed_metadata,
    ensure_topics,
    existing_topics,
    group_members,
)
from eventfold.kafka.owner_log import claim, find_evidence, read_owners, release, sizes
from eventfold.kafka.owners import owns
from eventfold.settings import Settings
from eventfold.worker.startup_checks import lock

#: Longest time (s) for brokers to delete a topic, and the interval (s) of the checks.
TIMEOUT = 30.0
PAUSE = 0.05

#: Offset up to which to delete records, in Kafka's protocol: all of them.
_EVERYTHING = -1


class ResetError(Exception):
    """An application can't be reset now; the message is one line for the user."""


@dataclass
class Plan:
    """Plan of a reset: the offsets, topics and directories that it deletes."""

    application: str
    #: Topic → number of partitions with a committed offset.
    offsets: dict[str, int] = field(default_factory=dict)
    #: Existing changelog → number of offsets in it.
    changelogs: dict[str, int] = field(default_factory=dict)
    #: The same of topics that the application writes and reads: kept, they would be folded twice.
    between: dict[str, int] = field(default_factory=dict)
    #: The same of its other outputs, which are deleted only on demand.
    outputs: dict[str, int] = field(default_factory=dict)
    #: Topic that it writes, or would write, and that is left as it is → reason.
    left: dict[str, str] = field(default_factory=dict)
    #: Its topics without a record that it owns them.
    unclaimed: list[str] = field(default_factory=list)
    directories: list[Path] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to delete except outputs."""
        filled = any(self.between.values())
        return not (self.offsets or self.changelogs or filled or self.directories)


async def plan(conf: Settings, tables: Sequence[StateTable]) -> Plan:
    """Find what a reset deletes. Raises ResetError while a member is active, AdminError."""
    await _demand_idle(conf)
    committed = await committed_metadata(conf)
    found = Plan(conf.app_id, directories=_directories(conf))
    for tp in committed:
        found.offsets[tp.topic] = found.offsets.get(tp.topic, 0) + 1
    # Offset metadata names tables too, also those of pipelines that are no longer selected.
    named = {name for each in committed.values() for name in of_metadata(each.metadata)}
    changelogs = {f"{conf.app_id}-{name}-changelog" for name in named}
    changelogs |= {table.changelog.name for table in tables}
    held = await sizes(conf, changelogs)
    found.changelogs = {name: held[name] for name in sorted(held)}
    await _find_written(found, conf, tables)
    return found


async def _find_written(found: Plan, conf: Settings, tables: Sequence[StateTable]) -> None:
    """Add the topics that the application owns, and those that it has to leave, to the plan."""
    owners = await read_owners(conf)
    written = {name: topic.shared for name, topic in outputs_of(tables, conf).items()}
    without = [name for name, shared in written.items() if not shared and name not in owners]
    evidence = await find_evidence(without, tables, conf)
    found.unclaimed = [name for name in without if name in evidence.written]
    read = {table.source.name for table in tables}
    for name, size in (await sizes(conf, written)).items():
        if written[name]:
            found.left[name] = "other applications may write it, too"
        elif name in found.unclaimed or owns(name, owners, conf):
            (found.between if name in read else found.outputs)[name] = size
        elif name in owners:
            found.left[name] = f"it belongs to application {owners[name].application}"
        elif size:
            found.left[name] = "nobody is recorded as its owner"


async def carry_out(found: Plan, conf: Settings, tables: Sequence[StateTable]) -> None:
    """Carry out a plan except for its outputs.

    Its topics without an owner are claimed first, since without changelogs nothing else shows that
    they are its own.

    Raises ResetError if a member has joined the group since, StartError if a worker uses a data
    directory, AdminError.
    """
    with ExitStack() as locks:
        for directory in found.directories:
            locks.enter_context(lock(directory))
        await claim(found.unclaimed, conf)
        await note_reset(conf)
        async with administering(conf) as admin:
            try:
                await admin.delete_group(conf.app_id)
            except NonEmptyGroup:
                raise ResetError(_in_use(conf, "one has just joined")) from None
            await _delete_topics(admin, list(found.changelogs))
        await clear(found.between, conf, tables)
        for directory in found.directories:
            shutil.rmtree(directory / "tables", ignore_errors=True)


async def carry_out_outputs(found: Plan, conf: Settings, tables: Sequence[StateTable]) -> None:
    """Empty the outputs of a plan; release them and the topics in between. Raises AdminError."""
    await clear(found.outputs, conf, tables)
    await release([*found.outputs, *found.between], conf)


async def clear(names: Iterable[str], conf: Settings, tables: Sequence[StateTable]) -> None:
    """Delete all records of topics that tables write; the topics stay, with their configuration.

    Compacted topics are recreated, since brokers delete no records of those. Raises AdminError.
    """
    topics = [topic for name, topic in outputs_of(tables, conf).items() if name in names]
    anew = [topic for topic in topics if topic.compacted]
    counts = await existing_topics(conf)
    async with administering(conf) as admin:
        await admin.delete_records(
            {
                TopicPartition(topic.name, number): RecordsToDelete(_EVERYTHING)
                for topic in topics
                if topic not in anew
                for number in range(counts.get(topic.name, 0))
            }
        )
        await _delete_topics(admin, [topic.name for topic in anew])
    await ensure_topics(anew, conf)


# -- the group


async def _demand_idle(conf: Settings) -> None:
    members = await group_members(conf)
    if members:
        hosts = sorted({str(member[2]).lstrip("/") for member in members})
        raise ResetError(_in_use(conf, f"{len(members)} active, on {', '.join(hosts)}"))


def _in_use(conf: Settings, members: str) -> str:
    return (
        f"application {conf.app_id} has members ({members}): stop its workers first; one that was "
        f"killed is a member for {conf.session_timeout:g} s more"
    )


# -- topics


async def _delete_topics(admin: Client, names: list[str]) -> None:
    """Delete topics, and wait until they are gone. Raises AdminError, TimeoutError."""
    if not names:
        return
    response = await admin.delete_topics(names)
    for name, code, *_ in response.topic_error_codes:
        if code:
            raise AdminError(f"topic {name} can't be deleted: {for_code(code).__name__}")
    gone = set(names)
    async with asyncio.timeout(TIMEOUT):
        while gone & {each["topic"] for each in await admin.describe_topics()}:  # noqa: ASYNC110  # brokers tell nobody
            await asyncio.sleep(PAUSE)


# -- local state


def _directories(conf: Settings) -> list[Path]:
    """Return the data directories of this application's workers here with state."""
    if conf.datadir is not None:
        found = [conf.datadir]
    else:
        here = conf.data_directory.parent
        found = [
            path
            for path in sorted(here.glob(f"{conf.app_id}-*"))
            if path.name.removeprefix(f"{conf.app_id}-").isdigit()
        ]
    return [path for path in found if (path / "tables").is_dir()]


def in_words(found: Plan) -> list[tuple[str, str, str]]:
    """Format what a plan deletes: rows of kind, name and amount."""
    rows = [("offsets", name, f"of {count} partitions") for name, count in found.offsets.items()]
    rows += [("changelog", name, _offsets(size)) for name, size in found.changelogs.items()]
    rows += [("in between", name, _offsets(size)) for name, size in found.between.items()]
    rows += [("local state", str(path / "tables"), "") for path in found.directories]
    return rows


def outputs_in_words(found: Plan) -> list[tuple[str, str, str]]:
    """Format the outputs of a plan, then those it leaves: rows of kind, name, amount or reason."""
    rows = [("output", name, _offsets(size)) for name, size in found.outputs.items()]
    return rows + [("left", name, why) for name, why in sorted(found.left.items())]


def _offsets(size: int) -> str:
    return f"{size:,} offsets"
