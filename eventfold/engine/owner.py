"""Owner of a partition's state: its table, and what the tables of a worker share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

from eventfold.engine.clock import Clock
from eventfold.engine.definitions import Definition
from eventfold.engine.routes import Routes
from eventfold.engine.unwritable import Unwritable
from eventfold.native import Extension
from eventfold.settings import Settings
from eventfold.topics import BoundTopic, Changelog


class Runtime(Protocol):
    """What the tables of a worker share."""

    conf: Settings
    clock: Clock
    #: Native extension; None for the pure-Python fallback.
    native: Extension | None
    #: Records whose rows can't be written.
    unwritable: Unwritable


class Table(Protocol):
    """Table of a partition, as far as the partition's state needs it: see `StateTable`."""

    name: str
    source: BoundTopic
    timed: bool
    #: Function that makes the record of a result, for queries.
    record: Callable[[Any], Any]
    publications: list[tuple[BoundTopic, Callable[[Any], Any]]]
    #: Topic that holds the rows.
    changelog: Changelog
    #: Description of the rows' layout.
    layout: str
    #: Settings that the results depend on, as text.
    definition: Definition
    #: Topics that it sends records to.
    routes: Routes

    @property
    def runtime(self) -> Runtime:
        """What all tables of the worker share."""

    @property
    def publish_interval(self) -> int:
        """Time between two publications (ms)."""

    def co_partitions(self, topic: BoundTopic) -> bool:
        """Return whether a record for `topic` stays in the partition of its source record."""

    def saw(self, key: bytes, partition: int) -> None:
        """Note the partition of a key."""

    def saw_all(self, keys: Collection[bytes], partition: int) -> None:
        """Note the partition of keys."""
