"""Sinks of a worker: services beside the folding, which goes on while they fail."""

import asyncio
from collections.abc import Callable, Iterable

import stamina
from mode import Service
from prometheus_client import Counter

from eventfold.connectors.dead_letters import DeadLetterOffice
from eventfold.connectors.sink_loop import SinkLoop
from eventfold.connectors.targets import kind_of
from eventfold.engine.errors import describe_error
from eventfold.facade.sinks import DeclaredSink
from eventfold.settings import Settings
from eventfold.topics import DEAD_LETTERS

#: Waits (s) before a sink that failed is started again: the first, and the longest.
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0

RECORDS = Counter(
    "eventfold_sink_records_total",
    "Records that a sink has written or rejected",
    ["topic", "target"],
)
FAILURES = Counter(
    "eventfold_sink_failures_total",
    "Times that a sink failed and was started again",
    ["topic", "target"],
)


class Sinks(Service):
    """Service that runs declared sinks until the worker stops, each again after a failure."""

    abstract = False

    def __init__(self, conf: Settings, declared: Iterable[DeclaredSink]) -> None:
        super().__init__()
        self._conf = conf
        self._declared = tuple(declared)
        self._running: list[asyncio.Task[None]] = []

    async def on_start(self) -> None:
        """Start in the background: the worker does not wait for targets."""
        self._running = [
            asyncio.create_task(self._run(each), name=f"sink {each.group}")
            for each in self._declared
        ]

    async def on_stop(self) -> None:
        """Write what is gathered, for a bounded time, and disconnect: all at once."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, declared: DeclaredSink) -> None:
        labels = (declared.topic.base_name, declared.target)
        records, failures = RECORDS.labels(*labels), FAILURES.labels(*labels)

        def continues(error: BaseException) -> bool:
            """Log and count a failure, which the next attempt may not have; a stop is none."""
            if not isinstance(error, Exception):
                return False
            failures.inc()
            self.log.error(
                "The sink of %s into %s failed, and is started again: %s",
                *(*labels, describe_error(error)),
            )
            return True

        async for attempt in stamina.retry_context(
            on=continues,
            attempts=None,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
        ):
            with attempt:
                await self._write(declared, records.inc)

    async def _write(self, declared: DeclaredSink, written: Callable[[int], None]) -> None:
        # Not here: making it may import a database driver.
        conf, sink = self._conf, await asyncio.to_thread(declared.make)
        sink.max_records = min(sink.max_records, declared.batch)
        stage = f"sink {kind_of(declared.target)}"
        async with DeadLetterOffice(conf, DEAD_LETTERS.of(conf).name, stage) as office:
            names = declared.topic.name, sink, declared.group
            await SinkLoop(conf, *names, reject=office.send, written=written).run()
