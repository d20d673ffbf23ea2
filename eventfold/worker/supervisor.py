"""Supervisor: stop a worker whose Kafka client has ended, and log what makes no progress.

aiokafka raises the errors of its background tasks only in its public polling methods, which Faust
does not call. Without the supervisor a worker would idle for ever.
"""

import asyncio
from time import monotonic
from typing import Any, cast

from aiokafka.errors import KafkaError
from mode import Service

from eventfold.engine.errors import TaskError
from eventfold.kafka.consumer import BatchConsumer
from eventfold.kafka.membership import demand_running
from eventfold.kafka.openings import Openings
from eventfold.open_files import describe_limit, is_reached
from eventfold.settings import Settings
from eventfold.worker.topic_watch import TopicWatch

#: Seconds between two checks.
INTERVAL = 1.0

#: Seconds that the client may take to recover by itself after `/healthz` has begun to fail.
PATIENCE = 60.0

#: Consecutive checks that may find no free file descriptor before tasks that wait end the worker.
STARVED = 5

#: Name of the broker's error → its meaning for the group, and the remedy.
REMEDIES = {
    "InconsistentGroupProtocolError": "another kind of consumer is in it: stop that one, or set "
    "another {app_id}",
    "InvalidSessionTimeoutError": "the broker does not allow BROKER_SESSION_TIMEOUT={session:g}: "
    "set it between its group.min.session.timeout.ms and group.max.session.timeout.ms",
    "InvalidGroupIdError": "the broker does not take this id: set another {app_id}",
    "GroupAuthorizationFailedError": "the broker forbids this user to join it: grant READ on the "
    "group",
    "GroupMaxSizeReachedError": "it has as many members as the broker's group.max.size lets in: "
    "run fewer workers, or raise that",
    "FencedInstanceIdError": "another worker has joined with CONSUMER_GROUP_INSTANCE_ID={instance}:"
    " give each worker its own",
}


class Supervisor(Service):
    """Service that checks the consumer once a second and keeps an idle worker in its group.

    An error that can't be recovered from ends the worker, with reason and remedy in its last line.
    """

    abstract = False

    def __init__(self, app: Any, watch: TopicWatch) -> None:
        super().__init__()
        self.app = app
        self._watch = watch
        self._openings = Openings(app.tasks, self._left)
        #: The check that the consumer's thread has not answered yet, and the time (s) of its start.
        self._answer: asyncio.Future[None] | None = None
        self._asked: float | None = None
        self._reported: set[str] = set()
        #: Consecutive checks in which no file could be opened.
        self._starved = 0
        #: The last error of the coordination.
        self._last: KafkaError | None = None

    @Service.task
    async def _supervise(self) -> None:
        while not self.should_stop:
            await self.sleep(INTERVAL)
            self._asked = self._asked or monotonic()
            self._answer = self._answer or asyncio.ensure_future(self._check_client())
            await asyncio.wait({self._answer}, timeout=INTERVAL)
            if self.should_stop or self.app.should_stop:
                return
            if self._answer.done():
                error, self._answer, self._asked = self._answer.exception(), None, None
                if error is not None and not await self._survives(error):
                    return
            self._openings.note(monotonic())
            self._starved = self._starved + 1 if is_reached() else 0
            if await self._report():
                return

    async def on_stop(self) -> None:
        """Cancel the check that is pending."""
        if self._answer is not None:
            self._answer.cancel()

    async def _check_client(self) -> None:
        await self._consumer.check_client()
        sender: Any = getattr(getattr(self.app.producer, "_producer", None), "_sender", None)
        if sender is not None and sender.sender_task is not None:
            demand_running(sender.sender_task)

    async def _survives(self, error: BaseException) -> bool:
        """Return whether the client goes on after an error; if not, end the worker."""
        # Errors that brokers answer may be transient, such as while a group is loaded, except those
        # that have a remedy.
        remedy = find_remedy(error, self.app.settings)
        if remedy is None and isinstance(error, KafkaError):
            self._last = error
            self.log.warning("The group is joined again: %r", error)
            return True
        ended = f"the Kafka client of this worker has ended: {error}: start the worker again"
        await self.app.tasks.give_up(TaskError(remedy or ended))
        return False

    async def _report(self) -> bool:
        """Log what has stopped making progress; return whether the worker was ended for it."""
        troubles = self.troubles()
        for trouble in troubles - self._reported:
            self.log.error("No progress: %s", trouble)
        self._reported = troubles
        if self._starved > STARVED and self._openings.pending:
            # aiokafka takes this for an unreachable broker and would retry for ever.
            await self.app.tasks.give_up(TaskError(describe_limit()))
            return True
        absent = self._absent(monotonic())
        if absent > self.app.settings.session_timeout + PATIENCE:
            reason = "" if self._last is None else f" (the last error was {self._last!r})"
            what = f"{self._absence}, and has not recovered in {PATIENCE:.0f} s{reason}"
            await self.app.tasks.give_up(TaskError(f"{what}: start it again"))
            return True
        return False

    def _left(self) -> int:
        """Return the number of rows that Faust has still to restore of its own tables."""
        tables: Any = self.app.tables
        return int(tables.recovery.active_remaining_total())

    @property
    def member_id(self) -> str:
        """The member id of this worker in its group; empty while it is no member."""
        return self._consumer.member_id

    # -- health, for /healthz

    def troubles(self) -> set[str]:
        """Describe each part without progress; none while brokers don't answer."""
        now, limit = monotonic(), self.app.settings.session_timeout
        found = set()
        if self._asked is not None and now - self._asked > limit:
            found.add("the thread of the Kafka consumer is blocked")
        if self._starved:
            found.add(describe_limit())
        if self._absent(now) > limit:
            found.add(self._absence)
        found.update(self._openings.stuck(now, answering=self._watch.answering(now)))
        return found

    def _absent(self, now: float) -> float:
        """Return for how long (s) the worker is no member although its coordinator answers."""
        return min(self._consumer.absent(now), self._watch.answering(now))

    @property
    def _absence(self) -> str:
        group = self.app.settings.app_id
        return f"the worker is no member of group {group} although its coordinator answers"

    @property
    def _consumer(self) -> BatchConsumer:
        return cast("BatchConsumer", self.app.consumer)


def find_remedy(error: BaseException, conf: Settings) -> str | None:
    """Return why the group can't be joined and the remedy in one line, or None."""
    # aiokafka wraps some errors in a KafkaError whose text is the name of the broker's error.
    text = repr(error)
    for name, remedy in REMEDIES.items():
        if name in text:
            words = remedy.format(
                app_id=conf.variable("app_id"),
                session=conf.session_timeout,
                instance=conf.instance_id,
            )
            return f"group {conf.app_id}: {words}"
    return None
