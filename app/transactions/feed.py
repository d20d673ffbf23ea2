"""Change feed of the rules: publishes changes in the database to the topic `rules`.

It runs on the worker that owns partition 0 of that topic, so on one at a time. Its producer is
transactional: a worker that has lost the partition without knowing it is fenced, and the new owner
first reads the rules that are already in the topic. So each version of a rule is there once.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from app.settings import settings
from app.transactions import metrics
from app.transactions.records import Rule
from app.transactions.rules import BadRuleError
from app.transactions.settings import settings as own
from app.transactions.topics import RULES
from eventfold.decoding import json_decoder
from eventfold.engine.changelog import ends, new_consumer
from eventfold.engine.checkpoint import FORBIDDEN
from eventfold.engine.checkpoint import REFUSALS as REFUSED
from eventfold.kafka.clients.connections import running
from eventfold.kafka.clients.producers import new_producer, stop_producer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiokafka import AIOKafkaProducer

    from app.settings import Settings
    from app.transactions.database import Change, RulesDatabase
    from eventfold.engine.tasks import Tasks

logger = logging.getLogger(__name__)

_TOPIC = RULES.of(settings()).name
PLACE = TopicPartition(_TOPIC, 0)

#: Seconds until a database or a broker that does not answer is tried again.
PAUSE = 2.0

#: Errors of records that the broker will never accept; without those of a missing permission.
REFUSALS = tuple(each for each in REFUSED if each not in FORBIDDEN)

_decode = json_decoder(Rule)


class RulesFeed(Service):
    """Service that copies changes of the rules from the database to their topic.

    An invalid row is logged, with its id and what is wrong; the rule's previous version stays in
    force. So do all rules while the database can't be reached. `tasks` are those of the worker.
    """

    abstract = False

    def __init__(self, tasks: Tasks, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._of_worker = tasks
        self._told = ""
        #: The version of each rule that the broker will never accept.
        self._refused: dict[str, int] = {}
        #: Whether changes are written one by one, to find out which of them is rejected.
        self._one_by_one = False

    @Service.task
    async def _run(self) -> None:
        """Follow the database while this worker owns the topic's partition."""
        while not self.should_stop:
            if self._ours:
                try:
                    await self._follow()
                except RefusedRulesError as refused:
                    self._note_refused(refused)
                except Exception as error:  # noqa: BLE001  # the rules that are known stay in force
                    self._complain(error)
                    await self.sleep(PAUSE)
            await self.sleep(own().rules_interval / 1000)

    @property
    def _ours(self) -> bool:
        return self._of_worker.running(PLACE) is not None

    def _complain(self, error: Exception) -> None:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        if text != self._told:
            logger.error(
                "Rules can't be read from their database or written to %s; those that are known "
                "stay in force: %s",
                _TOPIC,
                text,
            )
        self._told = text

    def _note_refused(self, refused: RefusedRulesError) -> None:
        """Skip a change that the broker will never accept; of several, find out which it is."""
        self._one_by_one = len(refused.changes) > 1
        if not self._one_by_one:
            (change,) = refused.changes
            self._refused[change.id] = change.version
            _report_bad(change, refused)

    async def _follow(self) -> None:
        """Publish changes until this worker loses the partition or stops."""
        conf = settings()
        producer = new_producer(f"{conf.app_id}-{_TOPIC}-feed", conf)
        try:
            # This fences the previous owner: from here on it adds no more rules to the topic.
            await producer.start()
            known = await published(conf)
            # SQLAlchemy takes 0.3 s to load: only the owner of the partition does, and not in its
            # event loop.
            await asyncio.to_thread(import_module, "app.transactions.database")
            from app.transactions.database import RulesDatabase, rules_url  # noqa: PLC0415

            async with RulesDatabase(rules_url(conf, own())) as database:
                await self._poll(database, producer, known)
        finally:
            await stop_producer(producer)

    async def _poll(
        self, database: RulesDatabase, producer: AIOKafkaProducer, known: dict[str, Rule]
    ) -> None:
        from app.transactions.database import SLICE  # noqa: PLC0415  # loaded already

        after = -1
        while self._ours and not self.should_stop:
            changes = await database.changes(after)
            if after < 0 and len(changes) < SLICE:
                _say_strangers(known, changes, database)
            if changes:
                # A previous owner of the partition has published the known versions.
                new = [each for each in changes if not self._is_done(each, known)]
                size = 1 if self._one_by_one else max(len(new), 1)
                for begin in range(0, len(new), size):
                    await _publish(producer, new[begin : begin + size], known)
                self._one_by_one = False
                after = changes[-1].version
                self._told = ""
                metrics.rules_version.set(after)
            else:
                after = max(after, 0)
                await self.sleep(own().rules_interval / 1000)

    def _is_done(self, change: Change, known: dict[str, Rule]) -> bool:
        return self._refused.get(change.id) == change.version or _is_known(change, known)


class RefusedRulesError(Exception):
    """The broker will never accept the records of some changes; none of them is in the topic."""

    def __init__(self, changes: Sequence[Change], error: KafkaError) -> None:
        super().__init__(f"the broker refuses it: {type(error).__name__}: {error}")
        self.changes = changes


async def published(conf: Settings) -> dict[str, Rule]:
    """Return the rules in the topic, by id, without deleted ones."""
    found: dict[str, Rule] = {}
    async with running(new_consumer(conf)) as consumer:
        consumer.assign([PLACE])
        begin, end = (await ends(consumer, [PLACE]))[PLACE]
        consumer.seek(PLACE, begin)
        while await consumer.position(PLACE) < end:
            fetched = await consumer.getmany(PLACE, timeout_ms=200)
            for record in fetched.get(PLACE, []):
                _apply(found, record.key or b"", record.value)
    return found


def _apply(found: dict[str, Rule], key: bytes, value: bytes | None) -> None:
    try:
        name, rule = key.decode(), None if value is None else _decode(value)
    except ValueError:
        # Not written by the feed: the operator that reads the topic makes it a dead letter.
        return
    if rule is None or rule.deleted:
        found.pop(name, None)
    else:
        found[name] = rule


def _is_known(change: Change, known: dict[str, Rule]) -> bool:
    if change.row is None:
        return change.id not in known
    return change.id in known and known[change.id].version == change.version


async def _publish(
    producer: AIOKafkaProducer, changes: Sequence[Change], known: dict[str, Rule]
) -> None:
    """Write changes in one transaction, then add them to `known`. Raises RefusedRulesError."""
    # After that error the producer is unusable, since the broker lacks what it rejected.
    records: list[tuple[str, Rule | None]] = []
    for change in changes:
        if change.row is None:
            last = known[change.id]
            gone = msgspec.structs.replace(
                last, version=change.version, deleted=True, time=change.time
            )
            records += [(change.id, gone), (change.id, None)]
            continue
        try:
            rule = change.rule()
        except BadRuleError as error:
            _report_bad(change, error)
            continue
        records.append((rule.id, rule))
    if not records:
        return
    try:
        async with producer.transaction():
            await _deliver(producer, records)
    except REFUSALS as error:
        raise RefusedRulesError(changes, error) from error
    for name, written in records:
        if written is None or written.deleted:
            known.pop(name, None)
        else:
            known[name] = written


async def _deliver(producer: AIOKafkaProducer, records: Iterable[tuple[str, Rule | None]]) -> None:
    """Send records and wait for their acknowledgements: a commit does not report a failed send."""
    sent = [
        await producer.send(
            _TOPIC,
            None if rule is None else msgspec.json.encode(rule),
            name.encode(),
            partition=0,
        )
        for name, rule in records
    ]
    await asyncio.gather(*sent)


def _report_bad(change: Change, error: Exception) -> None:
    metrics.bad_rules.inc()
    logger.error(
        "Rule %r in its version %d can't be used, what it was before stays in force: %s",
        change.id,
        change.version,
        error,
    )


def _say_strangers(known: dict[str, Rule], changes: list[Change], database: RulesDatabase) -> None:
    """Log the rules in the topic that the database never had: it may be the wrong database."""
    strangers = known.keys() - {change.id for change in changes}
    if strangers:
        logger.warning(
            "%s never had %d rules that are in topic %s (%s ...): they stay in force. Is it "
            "the database that TICKSTREAM_RULES_URL should name?",
            database,
            len(strangers),
            _TOPIC,
            min(strangers),
        )
