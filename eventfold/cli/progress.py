"""A bar for work whose end is known, on a terminal; a log or a pipe gets none."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

#: Seconds between two looks at how far the work is.
INTERVAL = 0.2


@asynccontextmanager
async def bar(
    what: str, *, done: Callable[[], float], total: Callable[[], float | None]
) -> AsyncIterator[None]:
    """Show how much of `total` is `done` while the body runs; the total may be known later."""
    console = Console(stderr=True)
    if not (console.is_terminal and sys.stdout.isatty()):
        yield
        return
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
