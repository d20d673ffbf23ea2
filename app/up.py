"""What `faust -A app up` puts together: a worker as people run it, and a look at its progress."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition
from mode import Service

from app.embedded.child import start_child
from app.settings import Settings
from app.topics import TICKS

#: Seconds a worker may take to stop; it needs 6 where everything goes wrong.
STOP_TIMEOUT = 10.0
#: Seconds between two looks at the process, and at what it serves.
POLL = 0.05
#: Lines of its log that are shown when it died.
LAST_LINES = 10


class WorkerError(Exception):
    """The worker stopped by itself; the message is one line."""

    def __init__(self, message: str, last_lines: str) -> None:
        super().__init__(message)
        #: The end of its log.
        self.last_lines = last_lines


class WorkerProcess(Service):
    """`faust -A app worker` as a child process; it ends with ours, however ours ends.

    What it says goes into a log, the last run's being put aside as `*.1`. A worker that stops by
    itself crashes the service with a WorkerError.
    """

    def __init__(self, log_path: Path, environment: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.log_path = log_path
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    async def on_start(self) -> None:
        """Start the process; it is not ready for a few seconds."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_name(f"{self.log_path.name}.1"))
        with self.log_path.open("wb") as log:
            # In this thread, not in a worker of a pool: the process dies with its thread.
            self._process = start_child(
                [faust_program(), "-A", "app", "worker", "-l", "info"],
                log.fileno(),
                environment={**os.environ, **self.environment},
            )

    async def on_stop(self) -> None:
        """Stop it in order, or by force if it takes too long or we can't wait."""
        process = self._process
        if process is None:
            return
        try:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, STOP_TIMEOUT)
        finally:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()

    @Service.task
    async def _watch(self) -> None:
        """Crash when the worker stops and nobody asked it to."""
        while not self.should_stop and self._process and self._process.poll() is None:
            await self.sleep(POLL)
        if not self.should_stop:
            raise self._death()

    def _death(self) -> WorkerError:
        code = self._process.poll() if self._process else None
        how = f"was killed by signal {-code}" if code and code < 0 else f"stopped with code {code}"
        lines = self.log_path.read_text(errors="replace").splitlines()
        last_lines = "\n".join(lines[-LAST_LINES:])
        return WorkerError(f"the worker {how} (log: {self.log_path})", last_lines)


def faust_program() -> str:
    """Give the path of `faust` in the environment we run in."""
    return str(Path(sys.executable).with_name("faust"))


async def serves(url: str, *, ranking: bool) -> None:
    """Return when a worker is ready and, if there is to be a `ranking`, has gainers to show."""
    paths = ["/readyz", "/api/top-gainers"] if ranking else ["/readyz"]
    async with aiohttp.ClientSession(url) as session:
        for path in paths:
            while not await _answers(session, path):
                await asyncio.sleep(POLL)


async def _answers(session: aiohttp.ClientSession, path: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(path) as response:
            return response.ok
    return False


class Lag:
    """How many ticks the application has not committed yet, whichever worker has them."""

    def __init__(self, conf: Settings) -> None:
        self._partitions = [TopicPartition(TICKS.name, n) for n in range(conf.topic_partitions)]
        self._consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=conf.bootstrap_servers,
            group_id=conf.app_id,
            enable_auto_commit=False,
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self._consumer.stop()

    async def records(self) -> int:
        """Give the number of records."""
        ends = await self._consumer.end_offsets(self._partitions)
        committed = [await self._consumer.committed(each) for each in self._partitions]
        return sum(ends.values()) - sum(offset or 0 for offset in committed)
