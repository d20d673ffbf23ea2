"""One process under measurement: pinned to a core, and what it and its children take.

    with Program(argv, environment, log, core=1) as program:
        program.usage()

It is stopped by SIGTERM, and killed with all it started if that does not help.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psutil

from eventfold.embedded import ports
from eventfold.embedded.properties import Node

REPOSITORY = Path(__file__).parents[1]

#: Seconds to stop in.
PATIENCE = 20.0

#: Characters of a log that show why something ended.
REASON = 300


class Usage(NamedTuple):
    """CPU seconds (user and system) since the start, and memory (bytes) now, of all together."""

    cpu: float
    rss: int


def pin(pid: int, core: int) -> None:
    """Keep a process with all its threads on one core, where the system can and there are two."""
    if not _can_pin():
        return
    for thread in psutil.Process(pid).threads():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread.id, {core})


def patient_node() -> Node:
    """Return a broker with a session of 60 s: it stays registered while others have its core.

    Fenced after 3 s without it, the broker would name no leader, and its clients would ask for one
    without a pause.
    """
    return Node(ports.free(), session=60_000)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread on one core meanwhile: what is started here, with its threads, stays."""
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
    """A process and its children; `log` gets their output, except the standard output."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], log: Path, *, core: int
    ) -> None:
        self._argv, self._environment, self._core = argv, environment, core
        self._log, self._said = log, log.with_suffix(".out")

    def __enter__(self) -> Self:
        #: When it was started, ms since the epoch.
        self.started = time.time_ns() // 1_000_000
        with self._log.open("wb") as log, self._said.open("wb") as out, pinned(self._core):
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        # It leads a session of its own: whoever is left in it was started by it.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """The exit code of the process; None while it runs."""
        return self._process.poll()

    @property
    def said(self) -> str:
        """Its standard output so far."""
        return self._said.read_text(errors="replace")

    @property
    def reason(self) -> str:
        """The last line of its log, or of its standard output: why it ended."""
        lines = (self.said + self._log.read_text(errors="replace")).strip().splitlines()
        return lines[-1].strip()[:REASON] if lines else "it said nothing"

    def usage(self) -> Usage | None:
        """Ask it and all its children, those that ended included; None if it has ended."""
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
