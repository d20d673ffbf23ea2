"""The settings that a table's results depend on, and which of them may change between two runs.

With each offset that an application commits stand the definitions of the tables folded from the
source: workers compare them, and all that run at one time have the same. With the state of each
partition stands the definition it was made by: what is final stays so under any later one.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
from aiokafka.structs import OffsetAndMetadata

from eventfold.decoding import json_decoder
from eventfold.engine.errors import TaskError, other_definitions, other_pipelines, other_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import TopicPartition

#: What a table's results depend on, in words: `{"windows": "5m/1m", "grace": "1m", ...}`.
Definition = dict[str, str]

#: The setting that can't change in place: panes of some windows hold too little for others.
WINDOWS = "windows"

#: Longer texts are compressed: brokers take at most 4,096 bytes of metadata with an offset.
MOST_BYTES = 1_000

#: How such a text begins; no table's name has a colon.
COMPRESSED = "zlib:"

_decode = json_decoder(dict[str, dict[str, str]])


class Change(NamedTuple):
    """A setting of a table that is another one than before."""

    table: str
    setting: str
    before: str
    now: str


def to_metadata(definitions: Mapping[str, Definition]) -> str:
    """Return the text that stands with an offset, of definitions by table."""
    text = msgspec.json.encode(definitions, order="sorted")
    if len(text) <= MOST_BYTES:
        return text.decode()
    return COMPRESSED + base64.b64encode(zlib.compress(text)).decode()


def of_metadata(metadata: str) -> dict[str, Definition]:
    """Return the definitions by table that a text tells of.

    An older text has only the names, separated by commas.
    """
    if metadata.startswith("{"):
        return _decode(metadata)
    if metadata.startswith(COMPRESSED):
        packed = base64.b64decode(metadata.removeprefix(COMPRESSED))
        return _decode(zlib.decompress(packed))
    return {name: {} for name in metadata.split(",") if name}


def changes(table: str, before: Definition, now: Definition) -> list[Change]:
    """Return what has changed of a table's settings; of what one side does not tell, nothing."""
    return [
        Change(table, setting, before[setting], now[setting])
        for setting in sorted(before.keys() & now.keys())
        if before[setting] != now[setting]
    ]


def demand_same_windows(table: str, before: Definition, now: Definition) -> None:
    """Raise TaskError where a table's windows are others than its state was made for."""
    for change in changes(table, before, now):
        if change.setting == WINDOWS:
            raise TaskError(other_windows(change.table, change.before, change.now))


class Defined(Protocol):
    """What is needed of a table."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def definition(self) -> Definition:
        """The settings that its results depend on."""


class Definitions:
    """The definitions of a worker's tables, compared with those its application runs with.

    `tables` are the tables by the source they are folded from.
    """

    def __init__(self, application: str, tables: Mapping[str, Sequence[Defined]]) -> None:
        self._application = application
        self._tables = tables

    def metadata(self, source: str) -> str:
        """Return the text that stands with each offset of a source."""
        return to_metadata(self._of(source))

    def demand_same(self, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Raise TaskError where workers that run have committed with other definitions."""
        for tp, each in committed.items():
            changed = self._changes(tp.topic, each.metadata)
            if changed:
                raise TaskError(other_definitions(self._application, *changed[0]))

    def changed(
        self, committed: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return the offsets that were committed with other definitions, now with ours.

        To be committed once more before this worker starts, if none runs that has the others.
        Raises TaskError for what can't change in place: which tables there are, and windows.
        """
        return {
            tp: OffsetAndMetadata(each.offset, self.metadata(tp.topic))
            for tp, each in committed.items()
            if self._changes(tp.topic, each.metadata)
        }

    def _of(self, source: str) -> dict[str, Definition]:
        return {table.name: table.definition for table in self._tables.get(source, ())}

    def _changes(self, source: str, metadata: str) -> list[Change]:
        """Return what of a source's tables is otherwise. Raises TaskError as `changed` does."""
        ours = self._of(source)
        theirs = of_metadata(metadata)
        if not (ours and theirs):
            return []
        if theirs.keys() != ours.keys():
            names = ",".join(sorted(theirs)), ",".join(sorted(ours))
            raise TaskError(other_pipelines(self._application, source, *names))
        for name in sorted(ours):
            demand_same_windows(name, theirs[name], ours[name])
        return [each for name in sorted(ours) for each in changes(name, theirs[name], ours[name])]
