"""Membership of the worker in its consumer group, and the time when it was last confirmed."""

import asyncio
from time import monotonic
from typing import Any

from aiokafka import errors
from aiokafka.consumer import consumer as _consumer_module
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.api import RequestStruct
from aiokafka.protocol.group import HeartbeatRequest, HeartbeatResponse_v1
from aiokafka.protocol.types import Int32, Schema, String

from eventfold.engine.errors import describe_error

#: aiokafka annotates little of it.
_Base: Any = GroupCoordinator
_consumer: Any = _consumer_module


class GroupMaxSizeReachedError(errors.BrokerResponseError):
    """Error of a join to a group that has as many members as `group.max.size` allows."""

    errno = 81
    message = "GROUP_MAX_SIZE_REACHED"


class FencedInstanceIdError(errors.BrokerResponseError):
    """Error of a member whose CONSUMER_GROUP_INSTANCE_ID another member has joined with."""

    errno = 82
    message = "FENCED_INSTANCE_ID"


class ClientEndedError(Exception):
    """Error of a Kafka client of which a part has ended; `__cause__` is the reason."""


def demand_running(part: asyncio.Future[Any]) -> None:
    """Raise ClientEndedError if a part of the client has ended with an error."""
    error = None if part.cancelled() or not part.done() else part.exception()
    if error is not None:
        raise ClientEndedError(describe_error(error.__cause__ or error)) from error


def install() -> None:
    """Make the consumers of this process use `Membership` as their group coordinator."""
    for error in (GroupMaxSizeReachedError, FencedInstanceIdError):
        errors.kafka_errors[error.errno] = error
    _consumer.GroupCoordinator = Membership


class Membership(_Base):
    """aiokafka's group coordinator; `member_at` (s) is the time of the last confirmation.

    Heartbeats of a static member carry its instance id. Without it the broker can't answer that
    another worker has taken the id, and two workers would fence each other for ever.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        # Set before the base class is initialised, since that begins to join.
        self.member_at = monotonic()
        self._joining = False
        self._last_error = ""
        super().__init__(*args, **options)

    def absent(self, now: float) -> float:
        """Return for how long (s) the worker has been no member, less the time a join may take."""
        # A join is answered once all other members have joined, within the rebalance time-out.
        allowed = self._rebalance_timeout_ms / 1000 if self._joining else 0.0
        return max(0.0, now - self.member_at - allowed)

    def demand_success(self) -> None:
        """Raise the error of the coordination's last step, if any, and rejoin the group then.

        Without rejoining, a failed heartbeat would not start again, for example. Raises
        ClientEndedError if the coordination itself has ended with an error.
        """
        demand_running(self._coordination_task)
        try:
            self.check_errors()
        except errors.KafkaError:
            self.request_rejoin()
            raise

    def has_raised(self, error: errors.KafkaError) -> bool:
        """Return whether an error is one of the coordination, which a fetch raises as well."""
        return self._coordination_task.done() or repr(error) == self._last_error

    def _push_error_to_user(self, exc: errors.KafkaError) -> Any:
        self._last_error = repr(exc)
        pushed = super()._push_error_to_user(exc)
        self._retrieve_from_waiters()
        return pushed

    async def _coordination_routine(self) -> None:
        try:
            await super()._coordination_routine()
        finally:
            self._retrieve_from_waiters()

    def _retrieve_from_waiters(self) -> None:
        """Retrieve the copies of an error that aiokafka gave to those who wait for something."""
        # They look at it only if they have not given up by then. Python would log it whenever the
        # last of them is collected, possibly after the worker's last line, which has the reason.
        known = self._subscription
        for waiter in (*known._assignment_waiters, *known._fetch_waiters):  # noqa: SLF001
            if waiter.done() and not waiter.cancelled():
                waiter.exception()

    async def _do_heartbeat(self) -> bool:
        confirmed = bool(await super()._do_heartbeat())
        if confirmed:
            self.member_at = monotonic()
        return confirmed

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        self._joining = True
        try:
            joined = bool(await super()._do_rejoin_group(subscription))
        finally:
            self._joining = False
        if joined:
            self.member_at = monotonic()
        return joined

    async def _send_req(self, request: Any) -> Any:
        if self._group_instance_id and isinstance(request, HeartbeatRequest):
            request = _StaticHeartbeat(
                self.group_id, self.generation, self.member_id, self._group_instance_id
            )
        return await super()._send_req(request)


class _HeartbeatRequest_v3(RequestStruct):  # noqa: N801  # as aiokafka names them
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = HeartbeatResponse_v1
    #: https://kafka.apache.org/protocol#The_Messages_Heartbeat
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class _StaticHeartbeat(HeartbeatRequest):
    """Heartbeat with the instance id, if the broker accepts one (Kafka 2.3)."""

    def __init__(self, group: str, generation: int, member: str, instance: str) -> None:
        super().__init__(group, generation, member)
        self._fields = group, generation, member, instance

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
        """Return the request in a version that the broker supports."""
        oldest, newest = versions.get(self.API_KEY, (0, 0))
        if oldest <= _HeartbeatRequest_v3.API_VERSION <= newest:
            return _HeartbeatRequest_v3(*self._fields)
        return super().prepare(versions)
