"""What commands print: on an output that somebody may stop reading, by a console."""

import os
import sys
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from eventfold.visible import visible, visible_line

#: What a shell shows of a program that SIGPIPE ends, as it ends most.
EXIT_CODE = 128 + 13


class ReaderGoneError(Exception):
    """Nobody reads what is printed. No OSError: it is none of a database, a disk or a network."""


class Output:
    """A text file whose reader may go: it raises ReaderGoneError then, also where it buffers."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """Write, as a file does."""
        try:
            return self._file.write(text)
        except BrokenPipeError as error:
            raise ReaderGoneError from error

    def flush(self) -> None:
        """Flush, as a file does."""
        try:
            self._file.flush()
        except BrokenPipeError as error:
            raise ReaderGoneError from error


class Plain:
    """A text file on which control characters are written visibly, but for tabs and line breaks."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """Write, as a file does."""
        self._file.write(visible(text))
        return len(text)


class VisibleConsole(Console):
    """Prints texts as they are, be they of records, brokers, workers or files.

    No markup, no emoji by name; control characters are visible, and a text is one line. Colours
    are those of styles alone. Its `file` is no Plain one, which would show the terminal's codes.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make what is printed of a string, before it is measured."""
        return super().render_str(visible_line(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Make what is printed of anything."""
        if isinstance(renderable, Text):
            shown = visible_line(renderable.plain)
            if shown != renderable.plain:
                renderable = renderable.copy()
                renderable.plain = shown
        return super().render(renderable, options)


def abandon() -> None:
    """Discard what is still in the buffer: the interpreter would write it at its end, and fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
