"""Embedded broker as a service: Apache Kafka, one node in KRaft mode, on 127.0.0.1."""

import asyncio
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from mode import Service

from eventfold.embedded import jars, java, ports
from eventfold.embedded.child import start_child
from eventfold.embedded.errors import BrokerError
from eventfold.embedded.properties import Node
from eventfold.embedded.ready import ready
from eventfold.embedded.storage import Storage

#: Seconds that Kafka may take to start on a busy machine (3 on an idle one), and to stop (0.5).
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0
#: Seconds between two polls of the process.
POLL = 0.05

# A small heap is enough for one machine. The serial collector starts 0.4 s sooner and takes 40 MB
# less than Kafka's default one.
FLAGS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dlog4j2.configurationFile=log4j2.properties",
)


class EmbeddedBroker(Service):
    """Service that runs Kafka as a child process; its start returns when clients can connect.

    It listens to `port` of 127.0.0.1. `data_dir` keeps topics between runs and is used by one
    broker at a time. With `partition_bytes`, the oldest records of larger partitions are deleted,
    except in compacted topics; without it, only a topic's own retention applies. A `node` is one
    of a cluster, or has additional listeners; its port then replaces `port`.

    Starting raises BrokerError, whose message is one line. If Kafka stops by itself, the service
    crashes with a BrokerError. Kafka ends with this process, however that ends; on Linux also
    with the thread that started it.
    """

    def __init__(
        self,
        port: int = 9092,
        data_dir: Path = Path("data/broker"),
        *,
        partition_bytes: int | None = None,
        node: Node | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.node = node or Node(port)
        self.port = self.node.port
        self.storage = Storage(data_dir, partition_bytes)
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = threading.Event()

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, `host:port`."""
        return f"{ports.HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id of Kafka; None while it is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def on_start(self) -> None:
        """Start Kafka and wait until clients can use it. Raises BrokerError."""
        self._cancelled.clear()
        try:
            self.storage.acquire()
            ports.demand(self.port)
            command = await asyncio.to_thread(self._prepare)
            if not self.should_stop:
                # In this thread, not in one of a pool: on Linux Kafka ends with its thread.
                self._process = self._spawn(command)
                await self._wait_ready(self._process)
        except BaseException as error:
            await self._end()
            if not (self.should_stop and isinstance(error, BrokerError)):
                raise

    async def on_stop(self) -> None:
        """Shut Kafka down; kill it if that takes longer than `STOP_TIMEOUT` seconds."""
        await self._end()

    def kill(self) -> None:
        """Kill Kafka with SIGKILL, for tests. Call `stop` afterwards."""
        self._cancelled.set()
        if self._process:
            self._process.kill()

    @Service.task
    async def _watch(self) -> None:
        """Crash the service if Kafka stops by itself. Raises BrokerError."""
        while not self.should_stop and self._process and self._process.poll() is None:
            await self.sleep(POLL)
        if not (self.should_stop or self._cancelled.is_set()):
            raise self._death("stopped")

    def _prepare(self) -> list[str]:
        runtime = java.find()
        path = os.pathsep.join(map(str, jars.classpath(self._cancelled)))
        tmp = f"-Djava.io.tmpdir={self.storage.path / 'tmp'}"
        command = [str(runtime), *FLAGS, tmp, "-cp", path]
        try:
            self.storage.prepare(self.node, command)
        except OSError as error:
            raise BrokerError(f"can't write to {self.storage.path}: {error}") from error
        return [*command, "kafka.Kafka", "server.properties"]

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        log = self.storage.open_log()
        # Kafka inherits the lock, and so keeps others out if it outlives this process a little.
        lock = () if self.storage.lock is None else (self.storage.lock,)
        try:
            return start_child(command, log, directory=self.storage.path, keep_open=lock)
        finally:
            os.close(log)

    async def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        asked = asyncio.ensure_future(ready(self.port))
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not (asked.done() or self.should_stop):
                    if process.poll() is not None:
                        raise self._death("could not start")
                    await asyncio.wait([asked], timeout=POLL)
        except TimeoutError:
            raise self._death(f"was not ready after {START_TIMEOUT:.0f} s") from None
        finally:
            if not asked.cancel():
                asked.result()

    def _death(self, what: str) -> BrokerError:
        code = self._process.poll() if self._process else None
        killed = f"killed by signal {-code}" if code and code < 0 else None
        why = killed or self.storage.last_words()
        return BrokerError(f"the broker {what}: {why} (log: {self.storage.log_path})")

    async def _end(self) -> None:
        self._cancelled.set()
        process = self._process
        try:
            if process and process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    await asyncio.to_thread(process.wait, STOP_TIMEOUT)
        finally:  # also if this coroutine is cancelled
            if process:
                process.kill()
                process.wait()
                if process.stdin:
                    process.stdin.close()
            self._process = None
            self.storage.release()
