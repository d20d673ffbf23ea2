"""The Faust application: settings, transport, tables; and which modules belong to it."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import faust
from faust.streams import current_event
from yarl import URL

from app import logs, memory, native, traces
from app.admin import AdminError
from app.batching import BatchSchema, BatchTransport
from app.batching.ends import EndWatch
from app.batching.hooks import check_hooks
from app.batching.metadata import forbid_auto_creation
from app.batching.tables import TaskTableManager
from app.clients import faust_credentials
from app.held_up import LoopWatch
from app.quiet import quieten
from app.schemas.registry import Registry
from app.schemas.start import SchemaError, register_all
from app.settings import Settings, SettingsError, forget_empty, settings
from app.start import StartError, Watch, demand_protection, lock, prepare
from app.state.batch import Batch
from app.state.errors import BatchError, told
from app.state.tasks import Tasks
from app.web import metrics
from app.web.protection import http_client
from app.web.router import Router
from app.web.server import Server
from app.windows.errors import DefinitionError

if TYPE_CHECKING:
    from app.topics import Topic


logger = logging.getLogger(__name__)

#: Batches that may wait between the fetcher and an agent.
BUFFERED_BATCHES = 8

MAX_FETCH_BYTES = 4 << 20

#: How old what the group's leader knows of topics may get (ms). A broker that has just started
#: may know of none: all partitions stay without an owner until it is asked again.
METADATA_AGE = 3_000


class TickApp(faust.App):
    """Faust's application, with batches and the tasks that fold them."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.settings = settings
        self.pipelines = _pipelines(settings)
        self.tasks = Tasks(settings, settings.data_directory / "tables")
        #: The schema registry of this worker, if it has one.
        self.registry: Registry | None = None
        super().__init__(settings.app_id, **options)

    def batches(self, topic: Topic) -> Any:
        """Give the channel of a topic's batches, for an agent to fold into its tables."""
        return self.topic(topic.name, schema=BatchSchema(), acks=False)

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        """Let the batch come again that an agent raised at: Faust goes on with the next one."""
        event = current_event()
        batch = None if event is None else event.value
        if isinstance(batch, Batch):
            what = f"agent {agent.name} raised at {batch}: {told(exc)}"
            batch.task.fail(BatchError(what, batch.begin, batch.end))
        await super()._on_agent_error(agent, exc)

    async def on_first_start(self) -> None:
        """Make the topics that are missing, and refuse to start where something disagrees.

        Raises SystemExit with one line that says what to do.
        """
        if not (self.producer_only or self.client_only):
            try:
                demand_protection(self.settings)
                self._lock = lock(self.settings.data_directory)
                await prepare(self)
                await self._register_schemas()
            except (AdminError, SchemaError, StartError) as error:
                raise SystemExit(str(error)) from None
            logger.info("Candles are folded %s", native.in_words(wanted=self.settings.native))
            memory.prepare()
            self.add_dependency(Watch(self))
            self.add_dependency(LoopWatch())
            self.add_dependency(EndWatch(self.tasks))
            metrics.describe(self)
            traces.start(self.settings)
        await super().on_first_start()

    async def stop(self) -> None:
        """Stop all services, then send what is left of their spans."""
        await super().stop()
        await asyncio.to_thread(traces.stop)

    async def _register_schemas(self) -> None:
        registry = await register_all(self.tasks.tables, self.settings)
        if registry:
            log, self.registry = registry
            self.add_dependency(log)

    def _new_web(self) -> Server:
        return Server(self)

    def _create_directories(self) -> None:
        self.settings.data_directory.mkdir(parents=True, exist_ok=True)
        super()._create_directories()

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)


def create() -> TickApp:
    """Make the application of this process from its settings."""
    check_hooks()
    quieten()
    forbid_auto_creation()
    forget_empty()
    conf = settings()
    return TickApp(
        conf,
        broker=[URL(f"kafka://{server}") for server in conf.bootstrap_servers],
        broker_credentials=faust_credentials(conf),
        datadir=str(conf.data_directory),
        store="rocksdb://?driver=rocksdict",
        TableManager=TaskTableManager,
        Router=Router,
        HttpClient=partial(http_client, conf),
        topic_partitions=conf.topic_partitions,
        topic_replication_factor=conf.topic_replicas,
        table_standby_replicas=conf.standby_replicas,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=conf.instance_id,
        consumer_max_fetch_size=MAX_FETCH_BYTES,
        consumer_metadata_max_age_ms=METADATA_AGE,
        broker_max_poll_records=conf.max_poll_records,
        broker_session_timeout=conf.session_timeout,
        broker_heartbeat_interval=conf.heartbeat_interval,
        # aiokafka asks that it be longer than the session.
        broker_request_timeout=max(20.0, 2 * conf.session_timeout),
        producer_compression_type=conf.compression,
        stream_buffer_maxsize=BUFFERED_BATCHES,
        # Batches are not acknowledged; their tasks commit.
        stream_wait_empty=False,
        web_port=conf.web_port,
        web_bind=conf.web_bind,
        web_host=conf.web_host,
        logging_config=logs.config(conf),
    )


def discover(application: TickApp) -> None:
    """Import the commands, the pipelines asked for, then the user's own (`TICKSTREAM_MODULES`).

    A pipeline is a module of `agents`; it imports the tables it folds into. Raises
    SettingsError for a pipeline that there is not.
    """
    for name in _modules("app.commands"):
        import_module(f"app.commands.{name}")
    for name in application.pipelines:
        import_module(f"agents.{name}")
    for name in application.settings.modules:
        import_module(name)


def _pipelines(conf: Settings) -> list[str]:
    known = _modules("agents")
    for name in conf.pipelines:
        if name not in known:
            raise SettingsError(
                f"TICKSTREAM_PIPELINES: there is no pipeline {name!r}; there are {', '.join(known)}"
            )
    return sorted(set(conf.pipelines or known))


def _modules(package: str) -> list[str]:
    found = iter_modules(import_module(package).__path__)
    return sorted(module.name for module in found if not module.name.startswith("_"))


app = create()
try:
    discover(app)
except DefinitionError as error:
    raise SettingsError(str(error)) from None
