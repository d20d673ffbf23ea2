"""A worker as people run it, in a process of its own that can't outlive us."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from mode import Service

from eventfold.embedded.child import start_child

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

    What it says goes into a log; that of the run before is put aside as `*.1`. A worker that
    stops by itself crashes the service with a WorkerError. On Linux it ends also with the thread
    that started it.
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
    """Return the path of `faust` in the environment we run in."""
    return str(Path(sys.executable).with_name("faust"))


async def serves(url: str, headers: Mapping[str, str], *, ranking: bool) -> None:
    """Return when a worker is ready and, if there is to be a `ranking`, has gainers to show."""
    paths = ["/readyz", "/api/top-gainers"] if ranking else ["/readyz"]
    async with aiohttp.ClientSession(url, headers=headers) as session:
        for path in paths:
            while not await _answers(session, path):  # noqa: ASYNC110  # another process's doing
                await asyncio.sleep(POLL)


async def _answers(session: aiohttp.ClientSession, path: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(path) as response:
            return response.ok
    return False
