"""Definitions: the settings that a table's results depend on, and which may change between runs.

The metadata of each committed offset holds the definitions of the tables folded from the source:
workers compare them, so all that run at one time have the same. The state of each partition holds
the definition that it was made by: what is final stays final under any later one.
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

    from eventfold.settings import Settings

#: Settings that a table's results depend on, as text: `{"windows": "5m/1m", "grace": "1m", ...}`.
Definition = dict[str, str]

#: Setting that can't change in place: the panes of some windows hold too little for others.
WINDOWS = "windows"

#: Longer texts (bytes) are compressed: brokers accept at most 4,096 bytes of offset metadata.
MOST_BYTES = 1_000

#: Prefix of a compressed text; no table's name has a colon.
COMPRESSED = "zlib:"

_decode = json_decoder(dict[str, dict[str, str]])


class Change(NamedTuple):
    """Setting of a table that differs from before."""

    table: str
    setting: str
    before: str
    now: str


def to_metadata(definitions: Mapping[str, Definition]) -> str:
    """Return the metadata of a committed offset: definitions by table, as text."""
    text = msgspec.json.encode(definitions, order="sorted")
    if len(text) <= MOST_BYTES:
        return text.decode()
    return COMPRESSED + base64.b64encode(zlib.compress(text)).decode()


def of_metadata(metadata: str) -> dict[str, Definition]:
    """Parse the metadata of a committed offset into definitions by table.

    An older text has only the names of the tables, separated by commas.
    """
    if metadata.startswith("{"):
        return _decode(metadata)
    if metadata.startswith(COMPRESSED):
        packed = base64.b64decode(metadata.removeprefix(COMPRESSED))
        return _decode(zlib.decompress(packed))
    return {name: {} for name in metadata.split(",") if name}


def changes(table: str, before: Definition, now: Definition) -> list[Change]:
    """Return the settings of a table that differ; ignore those that one side does not have."""
    return [
        Change(table, setting, before[setting], now[setting])
        for setting in sorted(before.keys() & now.keys())
        if before[setting] != now[setting]
    ]


def demand_same_windows(table: str, before: Definition, now: Definition, conf: Settings) -> None:
    """Raise TaskError if a table's windows are not those that its state was made for."""
    for change in changes(table, before, now):
        if change.setting == WINDOWS:
            raise TaskError(other_windows(change.table, change.before, change.now, conf))


class Defined(Protocol):
    """Table with a name and a definition."""

    @property
    def name(self) -> str:
        """Name of the table."""

    @property
    def definition(self) -> Definition:
        """Settings that its results depend on."""


class Definitions:
    """Definitions of a worker's tables, compared with those its application runs with.

    `tables` maps each source topic to the tables folded from it.
    """

    def __init__(self, conf: Settings, tables: Mapping[str, Sequence[Defined]]) -> None:
        self._conf = conf
        self._tables = tables

    def metadata(self, source: str) -> str:
        """Return the metadata for each committed offset of a source."""
        return to_metadata(self._of(source))

    def demand_same(self, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Raise TaskError if running workers have committed with definitions other than ours."""
        for tp, each in committed.items():
            changed = self._changes(tp.topic, each.metadata)
            if changed:
                raise TaskError(other_definitions(self._conf.app_id, *changed[0]))

    def changed(
        self, committed: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return the offsets that were committed with other definitions, now with ours.

        They are to be committed again before this worker starts, if no worker with the others runs.
        Raises TaskError for what can't change in place: the set of tables, and windows.
        """
        return {
            tp: OffsetAndMetadata(each.offset, self.metadata(tp.topic))
            for tp, each in committed.items()
            if self._changes(tp.topic, each.metadata)
        }

    def _of(self, source: str) -> dict[str, Definition]:
        return {table.name: table.definition for table in self._tables.get(source, ())}

    def _changes(self, source: str, metadata: str) -> list[Change]:
        """Return the changed settings of a source's tables. Raises TaskError as `changed` does."""
        ours = self._of(source)
        theirs = of_metadata(metadata)
        if not (ours and theirs):
            return []
        if theirs.keys() != ours.keys():
            names = ",".join(sorted(theirs)), ",".join(sorted(ours))
            raise TaskError(other_pipelines(self._conf, source, *names))
        for name in sorted(ours):
            demand_same_windows(name, theirs[name], ours[name], self._conf)
        return [each for name in sorted(ours) for each in changes(name, theirs[name], ours[name])]
