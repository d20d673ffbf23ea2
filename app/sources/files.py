"""File sources of the use cases: `produce --source PREFIX:PATH` sends what is in a file.

A use case names its prefix in USE_CASE, and makes the source in its module `source`.
"""

from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from app.sources import Record
from app.sources.report import InputReport
from app.use_case import use_cases
from eventfold.topics import Topic


class FileSource(Protocol):
    """Records of a file, and what is known of it while they are made."""

    #: Topic of the records.
    topic: Topic
    #: Counts of what was read and left out.
    report: InputReport

    def __init__(self, path: Path, options: Mapping[str, Any]) -> None:
        """Use the options of `produce`."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""

    @property
    def warnings(self) -> list[str]:
        """Warnings for people of what was assumed."""

    def slices(self, count: int | None = None) -> AsyncIterator[list[Record]]:
        """Yield records, some at a time; only the first `count` if that is set.

        Raises CommandError if the file can't be read.
        """


def prefixes() -> list[str]:
    """Return the prefixes of all file sources, without importing any."""
    return [each.file_source for each in use_cases() if each.file_source]


def file_source(prefix: str) -> type[FileSource]:
    """Return a file source by its prefix."""
    package = next(each.name for each in use_cases() if each.file_source == prefix)
    found: type[FileSource] = import_module(f"app.{package}.source").SOURCE
    return found
