"""The embedded broker as a service: Apache Kafka, one node in KRaft mode, on 127.0.0.1."""

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

#: Seconds Kafka may take to start on a busy machine (3 on a quiet one), and to stop (0.5).
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0
#: Seconds between two looks at the process.
POLL = 0.05

# A small heap does for one machine; the serial collector starts 0.4 s sooner and takes 40 MB less
# than Kafka's usual one.
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
    """Kafka as a child process: on_start returns when clients can use it.

    `port` on 127.0.0.1; `data_dir` keeps topics from run to run and is used by one broker at a
    time. Starting raises BrokerError, whose message is one line. A Kafka that stops by itself
    crashes the service with one. The process ends with ours, however ours ends; on Linux also
    with the thread that started it.

    With `partition_bytes`, the oldest records of a partition that has more are deleted, but for
    compacted topics; else only a topic's own retention says what is. A `node` is one of a cluster,
    or has further addresses; its port is then the one that counts.
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
        """`host:port` for clients."""
        return f"{ports.HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of Kafka, None when it is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def on_start(self) -> None:
        """Start Kafka and wait until clients can use it."""
        self._cancelled.clear()
        try:
            self.storage.acquire()
            ports.demand(self.port)
            command = await asyncio.to_thread(self._prepare)
            if not self.should_stop:
                # In this thread, not in a worker of a pool: Kafka dies with its thread.
                self._process = self._spawn(command)
                await self._wait_ready(self._process)
        except BaseException as error:
            await self._end()
            if not (self.should_stop and isinstance(error, BrokerError)):
                raise

    async def on_stop(self) -> None:
        """Stop Kafka: in order if it can, by force if it takes too long."""
        await self._end()

    def kill(self) -> None:
        """Kill Kafka as a power cut would; for tests. Call stop() afterwards."""
        self._cancelled.set()
        if self._process:
            self._process.kill()

    @Service.task
    async def _watch(self) -> None:
        """Crash when Kafka stops and nobody asked it to."""
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
        # Whoever holds the lock keeps others out: also a Kafka that outlives us a bit.
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
        finally:  # also when somebody could not wait any longer
            if process:
                process.kill()
                process.wait()
                if process.stdin:
                    process.stdin.close()
            self._process = None
            self.storage.release()
