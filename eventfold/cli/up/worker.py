"""Worker in a child process that ends with this process."""

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from mode import Service

from eventfold.embedded import ports
from eventfold.embedded.child import start_child
from eventfold.security.secret import is_for_workers, is_secret
from eventfold.settings import Settings

#: Time-out (s) for stopping a worker; 6 s were the longest measured.
STOP_TIMEOUT = 10.0
#: Seconds between two polls of the process, and of its web API.
POLL_INTERVAL = 0.05
#: Number of lines of its log that are shown after a crash.
LAST_LINES = 10


class WorkerError(Exception):
    """The worker stopped by itself; the message is one line."""

    def __init__(self, message: str, last_lines: str) -> None:
        super().__init__(message)
        #: The end of its log.
        self.last_lines = last_lines


class WorkerProcess(Service):
    """`faust -A APPLICATION worker` as a child process that ends with this one, however it ends.

    Its output goes to a log; the log of the previous run is renamed to `*.1`. A worker that stops
    by itself crashes the service with a WorkerError. On Linux it also ends with the thread that
    started it.
    """

    def __init__(
        self, application: str, log_path: Path, environment: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.application = application
        self.log_path = log_path
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    async def on_start(self) -> None:
        """Start the process; it takes a few seconds to become ready."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_name(f"{self.log_path.name}.1"))
        with self.log_path.open("wb") as log:
            self._process = start_child(
                [faust_program(), "-A", self.application, "worker", "-l", "info"],
                log.fileno(),
                environment={**os.environ, **self.environment},
            )

    async def on_stop(self) -> None:
        """Stop it with SIGTERM, then with SIGKILL after the time-out or if cancelled."""
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
    async def _poll_process(self) -> None:
        """Crash when the worker stops by itself."""
        while not self.should_stop and self._process and self._process.poll() is None:
            await self.sleep(POLL_INTERVAL)
        if not self.should_stop:
            raise self._exit_error()

    def _exit_error(self) -> WorkerError:
        code = self._process.poll() if self._process else None
        how = f"was killed by signal {-code}" if code and code < 0 else f"stopped with code {code}"
        lines = self.log_path.read_text(errors="replace").splitlines()
        last_lines = "\n".join(lines[-LAST_LINES:])
        return WorkerError(f"the worker {how} (log: {self.log_path})", last_lines)


def faust_program() -> str:
    """Return the path of `faust` in this environment."""
    return str(Path(sys.executable).with_name("faust"))


async def wait_until_ready(url: str, headers: Mapping[str, str], paths: Iterable[str]) -> None:
    """Wait until a worker is ready, and then answers each of `paths` with 200."""
    async with aiohttp.ClientSession(url, headers=headers) as session:
        for path in ("/readyz", *paths):
            while not await _is_ok(session, path):  # noqa: ASYNC110  # another process answers
                await asyncio.sleep(POLL_INTERVAL)


async def _is_ok(session: aiohttp.ClientSession, path: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(path) as response:
            return response.ok
    return False


#: Settings that another worker does not share, or that its command line sets anyway.
_NOT_SHARED = {"BROKER_URL", "WEB_PORT", "APP_DATADIR", "CONSUMER_GROUP_INSTANCE_ID"}


def web_address(conf: Settings) -> str:
    """Return the dashboard's address for a browser on this machine."""
    any_address = {"0.0.0.0", "::"}  # noqa: S104 - the user's choice, not ours
    host = "127.0.0.1" if conf.web_bind in any_address else conf.web_bind
    return f"http://{host}:{conf.web_port}"


def worker_command(conf: Settings, application: str) -> str:
    """Return the command line that starts another worker; three stars stand for its secrets."""
    above = range(conf.web_port + 1, 65_536)
    port = next((each for each in above if not ports.refusal(each)), None) or ports.free()
    environment = {"BROKER_URL": conf.broker_url, "WEB_PORT": str(port)}
    for name, field in conf.fields():
        if not os.environ.get(name) or name in _NOT_SHARED:
            continue
        if not is_secret(field.json_schema_extra):
            environment[name] = os.environ[name]
        elif is_for_workers(field.json_schema_extra):
            environment[name] = "***"
    secrets = conf.secrets_variable()
    if os.environ.get(secrets):
        environment[secrets] = os.environ[secrets]
    program = Path(faust_program())
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    assignments = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    command = [shlex.quote(str(program)), "-A", shlex.quote(application), "worker -l info"]
    return " ".join([*assignments, *command])
