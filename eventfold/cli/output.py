"""Output of commands: on a file that somebody may stop reading, without control characters."""

import os
import sys
from typing import IO, Any

from eventfold.visible import visible

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


def abandon() -> None:
    """Discard what is still in the buffer: the interpreter would write it at its end, and fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
