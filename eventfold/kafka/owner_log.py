"""Owner log: the topic `tickstream-owners`, one for all applications of a cluster.

As with the log of schemas, the only writer is the transactional producer that started last:
its start fences the one before, which then can't commit. So nobody else has written between
the read to the end and the commit. Of two applications that claim a topic at the same time, the
second one finds the claim of the first one.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import stamina
from aiokafka import TopicPartition
from aiokafka.errors import InvalidTransactionTimeout, KafkaError

from eventfold.decoding import decode_json
from eventfold.engine.changelog import ends, new_consumer
from eventfold.engine.checkpoint import FORBIDDEN
from eventfold.engine.table import StateTable, outputs_of
from eventfold.engine.tasks import Tasks
from eventfold.kafka.admin import AdminError, ensure_topics, existing_topics
from eventfold.kafka.clients.connections import running
from eventfold.kafka.clients.producers import only_writer
from eventfold.kafka.owners import Evidence, demand_claimable, owns, unowned
from eventfold.records import TopicOwner
from eventfold.settings import Settings
from eventfold.topics import OWNERS
from eventfold.windows.durations import format_duration

logger = logging.getLogger(__name__)

#: Transactional id of every writer of the log.
WRITER = "tickstream-owners"
#: Seconds that reading or writing the log may take, retries included.
PATIENCE = 30.0

_PLACE = TopicPartition(OWNERS.base_name, 0)

#: Owner by topic.
Owners = dict[str, TopicOwner]


async def claim_outputs(tasks: Tasks) -> None:
    """Claim all topics that this application writes. Raises OwnerError, AdminError."""
    conf, tables = tasks.conf, tasks.tables
    written = [*outputs_of(tables, conf).values(), *tasks.written_by_services]
    topics = [topic.name for topic in written if not topic.shared]
    await ensure_topics([OWNERS.of(conf)], conf)
    without = unowned(topics, await read_owners(conf), conf)
    if not without:
        # As at nearly every start: return without fencing the claims of others.
        return
    evidence = await find_evidence(without, tables, conf)
    await _write(conf, lambda owners: _claims(unowned(topics, owners, conf), evidence, conf))


async def claim(topics: Iterable[str], conf: Settings) -> None:
    """Claim topics known to be this application's own. Raises OwnerError, AdminError."""
    wanted = list(topics)
    if wanted:
        await ensure_topics([OWNERS.of(conf)], conf)
        await _write(conf, lambda owners: _claims(unowned(wanted, owners, conf), Evidence(), conf))


async def release(topics: Iterable[str], conf: Settings) -> None:
    """Remove this application as the owner of `topics`. Raises AdminError."""
    wanted = set(topics)

    def drop(owners: Owners) -> dict[str, TopicOwner | None]:
        return {topic: None for topic in wanted if owns(topic, owners, conf)}

    if wanted:
        await _write(conf, drop)


async def read_owners(conf: Settings) -> Owners:
    """Return the owner of each topic that has one. Raises AdminError if brokers don't answer."""
    if OWNERS.base_name not in await existing_topics(conf):
        return {}
    try:
        async with asyncio.timeout(PATIENCE):
            return await _read(conf)
    except (KafkaError, TimeoutError) as error:
        raise _away(error) from error


async def find_evidence(
    topics: Iterable[str], tables: Sequence[StateTable], conf: Settings
) -> Evidence:
    """Return the evidence for topics without an owner. Raises AdminError."""
    wanted = set(topics)
    # A table reads what a service writes, so its source counts as well.
    uses = {table: {table.source.name, *(topic.name for topic in table.topics)} for table in tables}
    changelogs = {table.changelog.name for table in tables if wanted & uses[table]}
    filled = {name for name, size in (await sizes(conf, wanted | changelogs)).items() if size}
    ran = [uses[table] for table in tables if table.changelog.name in filled]
    return Evidence(filled, set().union(*ran))


async def sizes(conf: Settings, names: Iterable[str]) -> dict[str, int]:
    """Return the number of offsets in each existing topic. Raises AdminError."""
    counts = await existing_topics(conf)
    tps = [TopicPartition(name, n) for name in names for n in range(counts.get(name, 0))]
    found: dict[str, int] = {}
    async with running(new_consumer(conf)) as consumer:
        # Unassigned, it requests metadata one topic after another, with pauses of 100 ms.
        consumer.assign(tps)
        consumer.pause(*tps)
        for tp, (first, end) in (await ends(consumer, tps)).items():
            found[tp.topic] = found.get(tp.topic, 0) + end - first
    return found


def _claims(
    topics: list[str], evidence: Evidence, conf: Settings
) -> Mapping[str, TopicOwner | None]:
    demand_claimable(topics, evidence, conf)
    now = time.time_ns() // 1_000_000
    return {name: TopicOwner(name, conf.app_id, conf.topic_prefix, now) for name in topics}


async def _write(
    conf: Settings, decide: Callable[[Owners], Mapping[str, TopicOwner | None]]
) -> None:
    """Write what `decide` returns for the present owners; None removes one. Raises AdminError."""
    try:
        async with asyncio.timeout(PATIENCE):
            await _decided(conf, decide)
    except InvalidTransactionTimeout as error:
        raise AdminError(
            f"{conf.variable('transaction_timeout')}={format_duration(conf.transaction_timeout)} "
            "is longer than the brokers let it be: set a shorter one, or raise their "
            "transaction.max.timeout.ms (15 min by default)"
        ) from error
    except (KafkaError, TimeoutError) as error:
        raise _away(error) from error


def _may_pass(error: Exception) -> bool:
    """Return whether to retry: in most cases another claim has fenced this one."""
    return isinstance(error, KafkaError) and not isinstance(error, FORBIDDEN)


@stamina.retry(on=_may_pass, attempts=None, timeout=PATIENCE, wait_initial=0.02, wait_max=0.5)
async def _decided(
    conf: Settings, decide: Callable[[Owners], Mapping[str, TopicOwner | None]]
) -> None:
    async with only_writer(WRITER, conf) as producer:
        # A new leader may report an end offset before the last claims. All of them are readable
        # once a record of our own, written after them, is.
        mark = await _send(producer, {"": None})
        entries = decide(await _read(conf, mark + 1))
        if entries:
            await _send(producer, entries)


async def _send(producer: Any, entries: Mapping[str, TopicOwner | None]) -> int:
    """Write `entries` in one transaction; return the offset of the first record."""
    batch = producer.create_batch()
    for name, owner in entries.items():
        value = None if owner is None else msgspec.json.encode(owner)
        batch.append(key=name.encode(), value=value, timestamp=None)
    async with producer.transaction():
        sent = await producer.send_batch(batch, OWNERS.base_name, partition=0)
        return int((await sent).offset)


async def _read(conf: Settings, least: int = 0) -> Owners:
    """Return the owners in the log, read to its end and at least to the offset `least`."""
    owners: Owners = {}
    async with running(new_consumer(conf)) as consumer:
        consumer.assign([_PLACE])
        await consumer.seek_to_beginning(_PLACE)
        end = max(least, (await consumer.end_offsets([_PLACE]))[_PLACE])
        while await consumer.position(_PLACE) < end:
            fetched = await consumer.getmany(_PLACE, timeout_ms=200)
            for record in fetched.get(_PLACE, ()):
                _apply(owners, record)
    return owners


def _apply(owners: Owners, record: Any) -> None:
    try:
        topic = (record.key or b"").decode()
        owner = decode_json(record.value, TopicOwner) if record.value else None
    except ValueError as error:
        logger.warning(
            "Offset %d of %s is none of ours: %s", record.offset, OWNERS.base_name, error
        )
    else:
        if owner:
            owners[owner.topic] = owner
        else:
            owners.pop(topic, None)


def _away(error: Exception) -> AdminError:
    return AdminError(
        f"the owners of topics ({OWNERS.base_name}) can't be read or recorded ({error!r}): start "
        "again when the brokers answer"
    )
