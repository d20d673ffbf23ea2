"""Consumer: batches for the tasks, single messages for every other topic.

Faust's consumer runs aiokafka in a thread of its own. Its agents, streams, rebalancing and
commits work as usual beside the batches.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

import stamina
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import ensure_TP, ensure_TPset
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from eventfold.engine.batch import Batch
from eventfold.engine.changelog import ends
from eventfold.engine.errors import describe_error
from eventfold.engine.task import Task
from eventfold.engine.tasks import Tasks
from eventfold.kafka import fetching
from eventfold.kafka.backpressure import Backpressure
from eventfold.kafka.clients.topic_ids import known, topic_id
from eventfold.kafka.membership import ClientEndedError, Membership, demand_running, install
from eventfold.kafka.thread_calls import CallableThread

logger = logging.getLogger(__name__)

#: `fetch.max.wait.ms`: longest that a broker delays a fetch without records. Faust sets 1,500 ms.
FETCH_WAIT_MS = 100

#: Seconds that one poll waits for records.
POLL_TIMEOUT = 0.1

#: After a poll with fewer records than `FEW`, wait for `GATHER` seconds. Otherwise each small
#: fetch would cost a turn of both threads (0.64 of a core at 20,000 records/s instead of 0.42).
FEW, GATHER = 500, 0.005

#: Polls no partition: an empty set would poll all of them.
NONE = frozenset({TP("", -1)})

#: Seconds that brokers may be away while the worker starts.
START_TIMEOUT = 30.0

#: Seconds that leaving the group may take.
LEAVE_TIMEOUT = 2.0


class BatchThread(CallableThread, driver.AIOKafkaConsumerThread):
    """Thread that runs aiokafka's consumer."""

    #: Error of a fetch or of a rebalance callback, which aiokafka only logs.
    _failure: Exception | None = None

    def _create_worker_consumer(self, transport: Any) -> Any:
        fetching.install(cast("Any", self.app).tasks.reads)
        install()
        consumer = super()._create_worker_consumer(transport)
        # Topics between stages are written in transactions.
        consumer._isolation_level = "read_committed"  # noqa: SLF001  # Faust has no setting
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001  # hard-coded there
        # Without Faust tables, Faust falls back to round-robin, which breaks co-partitioning.
        self._assignor = self.app.assignor
        consumer._partition_assignment_strategy = [self._assignor]  # noqa: SLF001
        return consumer

    @property
    def client(self) -> Any:
        """The consumer of aiokafka, which annotates little; None before the thread runs."""
        return self._consumer

    @stamina.retry(on=KafkaConnectionError, attempts=None, timeout=START_TIMEOUT)
    async def on_start(self) -> None:
        """Connect, and retry for `START_TIMEOUT` seconds: brokers may be restarting."""
        await super().on_start()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Revoke partitions; an error ends the worker."""
        with self._noted():
            await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take assigned partitions; an error ends the worker."""
        with self._noted():
            await super().on_partitions_assigned(assigned, generation_id)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._failure = error
            raise

    async def check(self, *, polls: bool) -> None:
        """Raise the error of the coordination, of the fetcher or of a rebalance callback, if any.

        aiokafka takes a member that does not poll for a hanging one, and leaves the group after
        BROKER_MAX_POLL_INTERVAL. If `polls` is false, there is nothing to fetch: this check then
        counts as a poll.
        """
        consumer = self.client
        if consumer is None or consumer._closed or consumer._coordinator is None:  # noqa: SLF001
            return
        if not polls:
            with consumer._subscription.fetch_context():  # noqa: SLF001
                pass
        if self._failure is not None:
            raise ClientEndedError(describe_error(self._failure)) from self._failure
        consumer._coordinator.demand_success()  # noqa: SLF001
        demand_running(consumer._fetcher.error_future)  # noqa: SLF001

    @property
    def membership(self) -> Membership | None:
        """The worker's membership in its group; None before it can join."""
        return self.client and self.client._coordinator  # noqa: SLF001

    def highwater(self, tp: Any) -> int:
        """Return the last stable offset of a partition: records of open transactions are no lag."""
        return cast("int", self._ensure_consumer().last_stable_offset(tp))

    async def on_thread_stop(self) -> None:
        """Leave the group, within `LEAVE_TIMEOUT` seconds."""
        # If the broker is away, aiokafka's fetcher raises the CancelledError of its own requests.
        # It would end the thread before it has signalled its end, and stopping would wait for a
        # minute.
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await super().on_thread_stop()

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: float | None = None,  # noqa: ASYNC109  # Faust's signature
        max_records: int | None = None,
    ) -> Any:
        try:
            fetched = await super()._fetch_records(
                consumer, active_partitions, timeout=timeout, max_records=max_records
            )
        except KafkaError as error:
            # Faust would end with a traceback. Errors of the coordination are raised here, too.
            if self.membership is None or not self.membership.has_raised(error):
                self._failure = error
            return {}
        # aiokafka drains partitions in the order of a dict: move those that had their turn to
        # the end, or one hot partition starves the others.
        waiting = consumer._fetcher._records  # noqa: SLF001
        for tp in fetched:
            if tp in waiting:
                waiting[tp] = waiting.pop(tp)
        return fetched


class BatchConsumer(driver.Consumer):
    """Faust's consumer, which delivers whole batches to the topics of tasks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tasks: Tasks = cast("Any", self.app).tasks
        self.tasks.source = self
        self.add_dependency(self.tasks)
        self._deliverable = asyncio.Event()
        self._backpressure = Backpressure(self.tasks)
        #: The tasks that the last fetch was for.
        self._fetched_for: dict[TopicPartition, Task] = {}
        #: Whether the last fetch returned few records.
        self._few = False

    _thread: BatchThread

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    # -- rebalancing

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop the flow, then close the tasks, which can fold no batch any more then."""
        await super().on_partitions_revoked(revoked)
        await self.tasks.revoke(_plain(tp) for tp in revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Open tasks in the background, then run Faust's own callbacks."""
        standbys = map(_plain, self.app.assignor.assigned_standbys())
        self.tasks.assign((_plain(tp) for tp in assigned), generation_id, standbys)
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        """Close the tasks, then leave the group."""
        await self.tasks.stop_all()
        await super().on_stop()

    # -- supervision

    async def check_client(self) -> None:
        """Run `BatchThread.check` in the client's thread, and raise the error that it finds."""
        if self._thread.client is not None:
            polls = self.flow_active and bool(self._get_active_partitions())
            await self._thread.run_in_thread(self._thread.check(polls=polls))

    def absent(self, now: float) -> float:
        """Return for how long (s) the worker has been no member of its group at `now` (s)."""
        membership = self._thread.membership
        return membership.absent(now) if membership else 0.0

    @property
    def member_id(self) -> str:
        """The member id of this worker in its group; empty while it is no member."""
        membership = self._thread.membership
        return membership.member_id if membership else ""

    def rejoin(self) -> None:
        """Rejoin the group with this worker's present metadata. Only for calls in its thread."""
        if self._thread.membership:
            self._thread.membership.request_rejoin()

    # -- positions

    async def perform_seek(self) -> None:
        """Seek Faust's partitions to their committed offsets; tasks seek their own."""
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        others = [_plain(tp) for tp in self.assignment() if not self.tasks.owns(tp.topic)]
        if others:
            offsets = await self._thread.call_thread(consumer.seek_to_committed, *others)
            for tp, offset in offsets.items():
                known = offset is not None and offset >= 0
                self._read_offset[ensure_TP(tp)] = offset if known else None
                if offset is not None:
                    self._committed_offset[ensure_TP(tp)] = offset or None
        await self._seek_back(_plain(tp) for tp in self.assignment())

    async def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """Return the group's committed offset of a partition and its metadata; None without one."""
        coordinator: Any = self._thread._ensure_consumer()._coordinator  # noqa: SLF001
        found = (await self._thread.run_in_thread(coordinator.fetch_committed_offsets([tp]))).get(
            tp
        )
        return found if found is not None and found.offset >= 0 else None

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the first offset of a partition and its end offset."""
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        return (await self._thread.run_in_thread(ends(consumer, [tp])))[tp]

    async def topic_id(self, topic: str) -> str:
        """Return the id of a topic, and bind its name to it for all later fetches."""
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        found = cast("str", await self._thread.run_in_thread(topic_id(consumer._client, topic)))  # noqa: SLF001
        known.bind(topic, found)
        return found

    async def fetched(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return the fetch position of each partition (0 if unknown) and its last stable offset."""
        consumer = self._thread._ensure_consumer()  # noqa: SLF001

        async def look() -> dict[TopicPartition, tuple[int, int]]:
            ends = await consumer.end_offsets(tps)
            # Not `position()`: it waits until the position is known.
            subscription = consumer._subscription.subscription  # noqa: SLF001
            assigned = subscription.assignment if subscription else None
            states = {tp: assigned.state_value(tp) if assigned else None for tp in tps}
            return {
                tp: (state.position if state and state.has_valid_position else 0, ends[tp])
                for tp, state in states.items()
            }

        return cast(
            "Mapping[TopicPartition, tuple[int, int]]", await self._thread.run_in_thread(look())
        )

    async def seek(self, partition: TP | TopicPartition, offset: int) -> None:
        """Fetch a partition from `offset` on."""
        await self._seek_all({_plain(partition): offset})

    async def _seek_all(self, offsets: Mapping[TopicPartition, int]) -> None:
        consumer = self._thread._ensure_consumer()  # noqa: SLF001

        async def seek() -> None:
            for tp, offset in offsets.items():
                consumer.seek(tp, offset)

        await self._thread.run_in_thread(seek())
        for tp, offset in offsets.items():
            # Faust silently drops records before this offset.
            self._read_offset[ensure_TP(tp)] = offset or None

    async def _seek_back(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek back to records that were fetched and not delivered: they would be lost."""
        offsets = {
            tp: task.next_offset
            for tp in partitions
            if (task := self.tasks.running(tp)) and task.next_offset is not None
        }
        if offsets:
            await self._seek_all(offsets)

    # -- delivery

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Start the delivery of a partition's records to its task, or stop it."""
        if active:
            self.resume_partitions({ensure_TP(tp)})
        else:
            self.pause_partitions({ensure_TP(tp)})

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Resume Faust's own partitions, and those of tasks that run."""
        super().resume_partitions(
            {
                tp
                for tp in ensure_TPset(tps)
                if not self.tasks.owns(tp.topic) or self.tasks.running(_plain(tp))
            }
        )
        self._deliverable.set()

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Return whether a partition is assigned in `generation` and no rebalance is under way."""
        return (
            self.app.consumer_generation_id == generation
            and not self.app.rebalancing
            and not self.should_stop
            and ensure_TP(tp) in self.assignment()
        )

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109  # Faust's
        if self.app.client_only:
            return await super()._wait_next_records(timeout)
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        if self._few:
            await asyncio.sleep(GATHER)
        self._deliverable.clear()
        # A copy: the set is shared and mutable, and aiokafka takes an empty one for "all".
        active = set(self._get_active_partitions())
        if not active:
            await self.wait_first(self._deliverable.wait(), timeout=1.0)
            return {}, active
        # If all wait, poll no partition, but poll: a member that does not has to leave the group.
        free = self._backpressure.free(active) or set(NONE)
        running = ((tp, self.tasks.running(tp)) for tp in map(_plain, free))
        self._fetched_for = {tp: task for tp, task in running if task is not None}
        fetched = await self._getmany(active_partitions=free, timeout=POLL_TIMEOUT)
        self._few = 0 < sum(map(len, fetched.values())) < FEW
        return fetched, active

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109
        """Yield one message a batch for the topics of tasks, one a record for other topics."""
        fetched, active = await self._wait_next_records(timeout)
        if not fetched or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        undelivered = {_plain(tp) for tp in fetched}
        for tp, records in fetched.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                break
            if self.tasks.owns(tp.topic):
                message = self._batch(tp, records)
                if message is not None:
                    undelivered.discard(_plain(tp))
                    yield ensure_TP(tp), message
            elif tp in active or tp in self._buffered_partitions:
                undelivered.discard(_plain(tp))
                self.app.monitor.track_tp_end_offset(ensure_TP(tp), self.highwater(tp))
                for record in records:
                    yield ensure_TP(tp), self._to_message(tp, record)
        await self._seek_back(undelivered)

    def _batch(self, tp: Any, records: list[Any]) -> Any | None:
        """Return the message of a batch; None if the task it was fetched for needs none of it."""
        # The batch of another partition may have blocked delivery for so long that the task was
        # reopened meanwhile, at a position before these records.
        task = self._fetched_for.get(_plain(tp))
        if task is None or task is not self.tasks.running(task.tp):
            return None
        # Before a task is open, the fetcher prefetches from a position of its own.
        if task.next_offset is None or records[-1].offset < task.next_offset:
            return None
        last, begin = records[-1], task.next_offset
        task.next_offset = last.offset + 1
        if records[0].offset > begin:
            task.skipped.append((begin, records[0].offset))
        task.saw_end(self.highwater(tp) or 0)
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            (last.timestamp or 0) / 1000,
            last.timestamp_type,
            None,
            None,
            cast("Any", Batch(task, records, begin)),
            None,
            tp=ensure_TP(tp),
            generation_id=self.app.consumer_generation_id,
        )


def _plain(tp: Any) -> TopicPartition:
    return TopicPartition(tp.topic, tp.partition)
