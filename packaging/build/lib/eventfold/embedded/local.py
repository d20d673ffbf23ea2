"""Embedded broker for code without an event loop: tests and benchmarks."""

import asyncio
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eventfold.embedded import ports
from eventfold.embedded.broker import EmbeddedBroker
from eventfold.embedded.properties import Node

if TYPE_CHECKING:
    from collections.abc import Callable


class LocalBroker:
    """Embedded broker in a thread of its own.

        with LocalBroker(tmp_path) as broker:
            use(broker.bootstrap)

    It may be started again after `stop` or `kill`, with the same port and data. `port` is a free
    one if None. `node` sets more than the port: additional listeners, its place in a cluster.
    """

    def __init__(
        self, data_dir: Path, port: int | None = None, *, node: Node | None = None
    ) -> None:
        self.data_dir = data_dir
        self.node = node or Node(port or ports.free())
        self.port = self.node.port
        self._thread: Thread | None = None
        self._broker: EmbeddedBroker | None = None
        self._leave: Callable[[], Any] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        return f"{ports.HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id of Kafka; None while it is not running."""
        return self._broker.pid if self._broker else None

    def start(self) -> None:
        """Start Kafka and wait until clients can use it. Raises BrokerError if it can't start."""
        started: Future[None] = Future()
        self._thread = Thread(target=self._run, args=[started], name="broker", daemon=True)
        self._thread.start()
        started.result()

    def stop(self) -> None:
        """Shut Kafka down, if it runs."""
        if self._thread and self._leave:
            self._leave()
            self._thread.join()
            self._leave = None

    def kill(self) -> None:
        """Kill Kafka with SIGKILL."""
        if self._broker:
            self._broker.kill()
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, started: Future[None]) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: Future[None]) -> None:
        leave, loop = asyncio.Event(), asyncio.get_running_loop()
        self._broker = EmbeddedBroker(data_dir=self.data_dir, node=self.node)
        try:
            await self._broker.start()
        except BaseException as error:  # noqa: BLE001 - whoever called start() gets it
            started.set_exception(error)
            return
        self._leave = partial(loop.call_soon_threadsafe, leave.set)
        started.set_result(None)
        await leave.wait()
        await self._broker.stop()
