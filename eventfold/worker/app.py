"""Application: Faust's, with batches, the tasks that fold them, and the worker's services."""

import asyncio
import logging
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import faust
from faust.streams import current_event
from faust.types.settings import Settings as FaustSettings
from yarl import URL

from eventfold import native, open_files
from eventfold import process_tuning as memory
from eventfold.cli.commands import load_commands
from eventfold.cli.workers import Worker, replace_exits
from eventfold.connectors.simulations import Simulation
from eventfold.engine.agents import fold_by_agent
from eventfold.engine.batch import Batch
from eventfold.engine.errors import BatchError, describe_error
from eventfold.engine.tasks import Tasks
from eventfold.environment import Environment
from eventfold.facade import joins, stateless, tops
from eventfold.facade.processors import processor
from eventfold.facade.simulations import simulation
from eventfold.facade.sinks import DeclaredSink, sink
from eventfold.facade.window_tables import window_table
from eventfold.formats.registry import Registry
from eventfold.formats.start import register_all
from eventfold.kafka.clients.connections import faust_credentials
from eventfold.kafka.clients.topic_ids import replace_metadata_request
from eventfold.kafka.ends import EndWatch
from eventfold.kafka.hooks import check_hooks
from eventfold.kafka.schema import BatchSchema
from eventfold.kafka.tables import TaskTableManager
from eventfold.kafka.transport import Assignor, BatchTransport
from eventfold.private_files import keep_private
from eventfold.settings import Settings
from eventfold.telemetry import logs, traces
from eventfold.telemetry.log_filters import quieten
from eventfold.telemetry.loop_watchdog import LoopWatch
from eventfold.topics import Topic
from eventfold.web.dashboard import Files, Page
from eventfold.web.faust_views import Router
from eventfold.web.protection import http_client
from eventfold.web.routes import Route
from eventfold.web.server import Server, demand_address
from eventfold.web.status import metrics
from eventfold.windows.errors import DefinitionError
from eventfold.worker.sinks import Sinks
from eventfold.worker.startup_checks import (
    demand_keys,
    demand_protection,
    lock,
    prepare,
)
from eventfold.worker.static_members import demand_unused_instance
from eventfold.worker.supervisor import Supervisor

logger = logging.getLogger(__name__)

#: Most batches in the queue between the fetcher and an agent.
BUFFERED_BATCHES = 8

MAX_FETCH_BYTES = 4 << 20

#: Maximum age (ms) of the topic metadata of the group's leader. A broker that has just started may
#: report no topic: then no partition has an owner until the next refresh.
METADATA_AGE = 3_000


def unused_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables in `environment` that Faust reads and that are no settings here."""
    names = {each.env_name for each in FaustSettings.SETTINGS.values() if each.env_name}
    return sorted((names - Settings.variables()) & environment.keys())


class App(faust.App):
    """Application: declares streams, and runs as a worker by `faust -A MODULE worker`.

        app = App("visits")

    `id` is the consumer group, and part of the names of changelogs, unless EVENTFOLD_APP_ID is set.
    Settings are read from the environment, unless they are given. It is Faust's application, with
    batches and the tasks that fold them: further options are Faust's. Raises DefinitionError for an
    id that can't be one.
    """

    #: HTTP routes in addition to the library's own.
    routes: Sequence[Route] = ()

    #: Title of the dashboard and the API; by default the application's id.
    title = ""

    #: Further files of it, or texts of JavaScript, by their paths below `/static/`.
    static_files: Files = MappingProxyType({})

    #: Names of the parts that this worker runs, as its metrics report them.
    pipelines: Sequence[str] = ()

    # What streams are declared by.
    window_table = window_table
    fold = fold_by_agent
    processor = processor
    filter = stateless.keep
    map = stateless.change
    route = stateless.route
    join = joins.join
    top = tops.top
    table = joins.lookup_table
    simulation = simulation
    sink = sink

    def __init__(self, id: str = "", *, settings: Settings | None = None, **options: Any) -> None:
        if id or settings is None:
            settings = _named(id, settings or Settings.load())
            options = process_options(settings) | options
        self.settings = settings
        self.title = self.title or settings.app_id
        #: What `simulation` has declared, by name.
        self.simulations: dict[str, Simulation] = {}
        self.tasks = Tasks(settings, settings.data_directory / "tables")
        #: Sinks that each worker runs.
        self.declared_sinks: list[DeclaredSink] = []
        #: Schema registry of this worker, if it has one.
        self.registry: Registry | None = None
        #: Supervisor of the worker's progress; None before the worker has started.
        self.progress: Supervisor | None = None
        super().__init__(settings.app_id, **options)

    @property
    def pages(self) -> Sequence[Page]:
        """Pages of the dashboard in addition to the library's own."""
        return ()

    @property
    def further_settings(self) -> Mapping[str, Environment]:
        """Settings in addition to `settings`, by their heading in the command `settings`."""
        return {}

    def batches(self, topic: Topic) -> Any:
        """Return the channel of a topic's batches, which an agent folds into its tables."""
        return self.topic(topic.of(self.settings).name, schema=BatchSchema(), acks=False)

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        """Fail the task of the batch, so that it is read again; Faust would go on with the next."""
        event = current_event()
        batch = None if event is None else event.value
        if isinstance(batch, Batch):
            what = f"agent {agent.name} raised at {batch}: {describe_error(exc)}"
            batch.task.fail(BatchError(what, batch.begin, batch.end))
        await super()._on_agent_error(agent, exc)

    async def on_first_start(self) -> None:
        """Run the start-up checks, create topics, add services. Raises one-line errors."""
        if not (self.producer_only or self.client_only):
            # Checks without a broker come first.
            open_files.raise_limit()
            demand_protection(self.settings)
            self._lock = lock(self.settings.data_directory)
            demand_keys(self.settings)
            if self.conf.web_enabled:
                demand_address(self.conf.web_bind, self.conf.web_port)
            watch = await prepare(self)
            await demand_unused_instance(self.settings)
            await self._register_schemas()
            for name in unused_variables(os.environ):
                logger.info("%s is a variable of Faust's that is not used here", name)
            logger.info("Candles are folded %s", native.in_words(self.settings))
            memory.prepare()
            self.add_dependency(watch)
            self.progress = Supervisor(self, watch)
            self.add_dependency(self.progress)
            self.add_dependency(LoopWatch())
            self.add_dependency(EndWatch(self.tasks))
            self.add_dependency(Sinks(self.settings, self.declared_sinks))
            metrics.describe(self)
            traces.start(self.settings)
        await super().on_first_start()

    async def stop(self) -> None:
        """Stop all services, then send their remaining spans."""
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


def faust_options(conf: Settings) -> dict[str, Any]:
    """Return the options of Faust's application that follow from the settings."""
    return {
        # Without the environment, Faust uses only settings that we have validated.
        "env": {},
        "broker": [URL(f"kafka://{server}") for server in conf.bootstrap_servers],
        "broker_credentials": faust_credentials(conf),
        "datadir": str(conf.data_directory),
        "store": "rocksdb://?driver=rocksdict",
        "TableManager": TaskTableManager,
        "PartitionAssignor": Assignor,
        "Router": Router,
        "HttpClient": partial(http_client, conf),
        "topic_partitions": conf.topic_partitions,
        "topic_replication_factor": conf.topic_replicas,
        "table_standby_replicas": conf.standby_replicas,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": conf.instance_id,
        "consumer_max_fetch_size": MAX_FETCH_BYTES,
        "consumer_metadata_max_age_ms": METADATA_AGE,
        "broker_max_poll_records": conf.max_poll_records,
        "broker_max_poll_interval": conf.max_poll_interval,
        "broker_session_timeout": conf.session_timeout,
        "broker_heartbeat_interval": conf.heartbeat_interval,
        # aiokafka requires it to be longer than the session time-out.
        "broker_request_timeout": max(20.0, 2 * conf.session_timeout),
        "producer_compression_type": conf.compression,
        "stream_buffer_maxsize": BUFFERED_BATCHES,
        # Batches are not acknowledged, since their tasks commit.
        "stream_wait_empty": False,
        "web_port": conf.web_port,
        "web_bind": conf.web_bind,
        "web_host": conf.web_host,
        "canonical_url": URL.build(scheme="http", host=conf.web_host, port=conf.web_port),
        "logging_config": logs.config(conf),
    }


def _named(app_id: str, conf: Settings) -> Settings:
    """Return the settings of an application, whose id is `app_id` unless they have one."""
    if not isinstance(app_id, str):
        raise DefinitionError(
            f"the id of an application is a text, not {type(app_id).__name__}: "
            'App("visits", settings=...)'
        )
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", app_id):
        raise DefinitionError(
            f"{app_id!r} can't be the id of an application: use up to 100 letters, digits, -, _ "
            "and ."
        )
    if "app_id" in conf.model_fields_set:
        return conf
    return conf.model_copy(update={"app_id": app_id})


def process_options(conf: Settings) -> dict[str, Any]:
    """Prepare this process for an application, whose commands end in one line.

    Returns the options of Faust's application.
    """
    keep_private()
    check_hooks()
    replace_exits()
    quieten()
    replace_metadata_request()
    conf.forget_empty()
    load_commands()
    return {"Worker": Worker, **faust_options(conf)}
