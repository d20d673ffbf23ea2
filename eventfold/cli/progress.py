"""A bar for work whose end is known, on a terminal; a log or a pipe gets none."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib.util import find_spec

from eventfold.connectors.sink_loop import SinkLoop

#: Seconds between two looks at how far the work is.
INTERVAL = 0.2


@asynccontextmanager
async def bar(
    what: str, *, done: Callable[[], float], total: Callable[[], float | None]
) -> AsyncIterator[None]:
    """Show how much of `total` is `done` while the body runs; the total may be known later.

    Without the optional package `rich` nothing is shown.
    """
    if not (sys.stderr.isatty() and sys.stdout.isatty() and find_spec("rich")):
        yield
        return
    # Of an extra, and commands start faster without it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as shown:
        task = shown.add_task(what, total=None)
        watch = asyncio.create_task(
            _keep(lambda: shown.update(task, completed=done(), total=total()))
        )
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


async def _keep(update: Callable[[], None]) -> None:
    while True:
        update()
        await asyncio.sleep(INTERVAL)


class SinkProgress:
    """Progress of a sink towards the end offsets, known once it has partitions."""

    def __init__(self, loop: SinkLoop) -> None:
        self._loop = loop
        self._total: int | None = None

    def shown(self, what: str, *, has_end: bool) -> AbstractAsyncContextManager[None]:
        """Return a bar of the progress; without an end there is no total."""
        return bar(what, done=self._done, total=self._offsets if has_end else lambda: None)

    def _offsets(self) -> int | None:
        """Return the number of offsets to write at the first call with partitions; None before."""
        if self._total is None:
            self._total = self._loop.left
        return self._total

    def _done(self) -> int:
        return (self._offsets() or 0) - (self._loop.left or 0)
