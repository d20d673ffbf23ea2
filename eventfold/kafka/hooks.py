"""Version check at start: Faust, mode and aiokafka must have the methods that are overridden.

These methods are private, so a version with other internals is rejected with a clear message
instead of being misused.
"""

from importlib.metadata import version
from inspect import signature

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.app.base import App
from faust.app.router import Router
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables.manager import TableManager
from faust.transport.consumer import Consumer, ConsumerThread
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as DriverConsumer
from mode import Worker

#: Distribution → the version whose internals were read.
VERSIONS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}

#: Class, method, names of its parameters.
_HOOKS: tuple[tuple[type, str, tuple[str, ...]], ...] = (
    (App, "_on_agent_error", ("self", "agent", "exc")),
    (App, "_new_web", ("self",)),
    (App, "_new_transport", ("self",)),
    (App, "_create_directories", ("self",)),
    (Router, "_get_table", ("self", "name")),
    (Router, "_route_req", ("self", "dest_url", "web", "request")),
    (Worker, "start", ("self",)),
    (Worker, "on_setup_root_logger", ("self", "logger", "level")),
    (Worker, "_sentinel_task", ("self",)),
    (Consumer, "on_partitions_revoked", ("self", "revoked")),
    (Consumer, "on_partitions_assigned", ("self", "assigned", "generation_id")),
    (Consumer, "perform_seek", ("self",)),
    (Consumer, "resume_partitions", ("self", "tps")),
    (Consumer, "pause_partitions", ("self", "tps")),
    (Consumer, "getmany", ("self", "timeout")),
    (Consumer, "_wait_next_records", ("self", "timeout")),
    (Consumer, "_get_active_partitions", ("self",)),
    (DriverConsumer, "_new_consumer_thread", ("self",)),
    (DriverConsumer, "_to_message", ("self", "tp", "record")),
    (AIOKafkaConsumerThread, "_create_worker_consumer", ("self", "transport")),
    (
        AIOKafkaConsumerThread,
        "_fetch_records",
        ("self", "consumer", "active_partitions", "timeout", "max_records"),
    ),
    (PartitionAssignor, "on_assignment", ("self", "assignment")),
    (TableManager, "on_actives_ready", ("self",)),
    (TableManager, "add", ("self", "table")),
    (AIOKafkaConsumer, "seek", ("self", "partition", "offset")),
    (GroupCoordinator, "fetch_committed_offsets", ("self", "partitions")),
    (GroupCoordinator, "check_errors", ("self",)),
    (GroupCoordinator, "_push_error_to_user", ("self", "exc")),
    (GroupCoordinator, "_do_heartbeat", ("self",)),
    (GroupCoordinator, "_do_rejoin_group", ("self", "subscription")),
    (GroupCoordinator, "_send_req", ("self", "request")),
    (SubscriptionState, "fetch_context", ("self",)),
    (ConsumerThread, "on_partitions_revoked", ("self", "revoked")),
    (ConsumerThread, "on_partitions_assigned", ("self", "assigned", "generation_id")),
    (Fetcher, "fetched_records", ("self", "partitions", "timeout", "max_records")),
)


class HookError(SystemExit):
    """Error of an installed version without the internals that are needed."""


def check_hooks() -> None:
    """Raise HookError with the package or the method that is not as expected."""
    for name, wanted in VERSIONS.items():
        found = version(name)
        if found != wanted:
            remedy = f"pip install {name}=={wanted}"
            raise HookError(f"eventfold needs {name} {wanted}, found {found}: {remedy}")
    for owner, name, wanted_parameters in _HOOKS:
        method = getattr(owner, name, None)
        if method is None or tuple(signature(method).parameters) != wanted_parameters:
            raise HookError(f"{owner.__module__}.{owner.__name__}.{name} is not what it was")
