"""Process under measurement: pinned to a core, with the resources of it and its children.

    with Program(argv, environment, log, core=1) as program:
        program.usage()

It is stopped by SIGTERM, and killed with all its children after a time-out.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

import psutil

from eventfold.embedded import ports
from eventfold.embedded.properties import Node

REPOSITORY = Path(__file__).parents[1]

#: Time-out (s) of a stop.
STOP_TIMEOUT = 20.0

#: Longest reason, in characters.
REASON = 300


class Usage(NamedTuple):
    """CPU seconds (user and system) since the start and memory (bytes) now, in total."""

    cpu: float
    rss: int


def pin(pid: int, core: int) -> None:
    """Pin a process with all its threads to one core, if the system can and has two."""
    if not _can_pin():
        return
    for thread in psutil.Process(pid).threads():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread.id, {core})


def patient_node() -> Node:
    """Return a broker node with a session of 60 s: it stays registered while others use its core.

    With the usual 3 s it would be fenced and have no leaders, and its clients would ask for them
    without a pause.
    """
    return Node(ports.free(), session=60_000)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Pin this thread to one core; processes and threads started within stay there."""
    if not _can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _can_pin() -> bool:
    return hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1


class Program:
    """Process with its children; their standard error goes to `log`."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], log: Path, *, core: int
    ) -> None:
        self._argv, self._environment, self._core = argv, environment, core
        self._log, self._output = log, log.with_suffix(".out")

    def __enter__(self) -> Self:
        #: Time of the start (ms since the epoch).
        self.started = time.time_ns() // 1_000_000
        with self._log.open("wb") as log, self._output.open("wb") as out, pinned(self._core):
            self._process = subprocess.Popen(
                self._argv,
                cwd=REPOSITORY,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        self._tree = psutil.Process(self._process.pid)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT)
        # Its session contains only processes that it started.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Standard output so far."""
        return self._output.read_text(errors="replace")

    @property
    def reason(self) -> str:
        """Last line of its log, or else of its standard output: the reason of its end."""
        lines = (self.output + self._log.read_text(errors="replace")).strip().splitlines()
        return lines[-1].strip()[:REASON] if lines else "no output"

    def usage(self) -> Usage | None:
        """Return the usage of it and its children, ended ones included; None if it has ended."""
        cpu, rss = 0.0, 0
        try:
            processes = [self._tree, *self._tree.children(recursive=True)]
        except psutil.NoSuchProcess:
            return None
        for process in processes:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied), process.oneshot():
                cpu += sum(process.cpu_times()[:4])
                rss += process.memory_info().rss
        return Usage(cpu, rss)
