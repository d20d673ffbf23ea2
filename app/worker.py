"""The Faust application: settings, transport, tables; and which modules belong to it."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import faust
from yarl import URL

from app.batching import BatchSchema, BatchTransport
from app.batching.hooks import check_hooks
from app.batching.tables import TaskTableManager
from app.settings import Settings, settings
from app.state.tasks import Tasks

if TYPE_CHECKING:
    from app.topics import Topic

#: Packages whose modules are imported, in sorted order: each registers what it declares.
PACKAGES = ("app.commands", "tables", "agents")

#: Batches that may wait between the fetcher and an agent.
BUFFERED_BATCHES = 8

MAX_FETCH_BYTES = 4 << 20


class TickApp(faust.App):
    """Faust's application, with batches and the tasks that fold them."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.settings = settings
        self.tasks = Tasks(settings, settings.data_directory / "tables")
        super().__init__(settings.app_id, **options)

    def batches(self, topic: Topic) -> Any:
        """Give the channel of a topic's batches, for an agent to fold into its tables."""
        return self.topic(topic.name, schema=BatchSchema(), acks=False)

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)


def create() -> TickApp:
    """Make the application of this process from its settings."""
    check_hooks()
    conf = settings()
    return TickApp(
        conf,
        broker=[URL(f"kafka://{server}") for server in conf.bootstrap_servers],
        datadir=str(conf.data_directory),
        store="rocksdb://?driver=rocksdict",
        TableManager=TaskTableManager,
        topic_partitions=conf.topic_partitions,
        topic_replication_factor=conf.topic_replicas,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=conf.instance_id,
        consumer_max_fetch_size=MAX_FETCH_BYTES,
        broker_max_poll_records=conf.max_poll_records,
        broker_session_timeout=conf.session_timeout,
        broker_heartbeat_interval=conf.heartbeat_interval,
        # aiokafka asks that it be longer than the session.
        broker_request_timeout=max(20.0, 2 * conf.session_timeout),
        stream_buffer_maxsize=BUFFERED_BATCHES,
        # Batches are not acknowledged; their tasks commit.
        stream_wait_empty=False,
        web_port=conf.web_port,
        web_bind=conf.web_bind,
        web_host=conf.web_host,
    )


def discover(application: TickApp) -> None:
    """Import the modules of the product, then the user's own (`TICKSTREAM_MODULES`)."""
    for package in PACKAGES:
        path = import_module(package).__path__
        for name in sorted(module.name for module in iter_modules(path)):
            import_module(f"{package}.{name}")
    for name in application.settings.modules:
        import_module(name)


app = create()
discover(app)
