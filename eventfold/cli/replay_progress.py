"""Progress of a replay: bars on a terminal, else lines in a log."""

from collections.abc import Sequence
from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from eventfold.replay.history import History
from eventfold.replay.report import describe_plan

#: Seconds between two lines where there is no terminal.
LINE_INTERVAL = 10.0


class ReplayProgress:
    """Progress on standard error: bars on a terminal, else a line every LINE_INTERVAL."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._due = monotonic() + LINE_INTERVAL
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._replayed = self._progress.add_task("history", total=None)
        self._compared = self._progress.add_task("live results", start=False, visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def planned(self, histories: Sequence[History]) -> None:
        """Show what of each source will be read."""
        if not self._quiet:
            for line in describe_plan(histories):
                self._console.print(line)
        self.replayed(0, sum(each.expected - each.begin for each in histories))

    def replayed(self, done: int, total: int) -> None:
        """Offsets of history."""
        self._progress.update(self._replayed, completed=done, total=total)
        self._print_line("history", done, total)

    def compared(self, done: int, total: int) -> None:
        """Offsets of live topics."""
        self._progress.start_task(self._compared)
        self._progress.update(self._compared, completed=done, total=total, visible=True)
        self._print_line("live results", done, total)

    def _print_line(self, what: str, done: int, total: int) -> None:
        if self._quiet or self._console.is_terminal or monotonic() < self._due:
            return
        self._due = monotonic() + LINE_INTERVAL
        self._console.print(f"{what}: {done:,} of {total:,} records read")
