"""Decoded records of a batch, as columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from operator import le
from typing import Any, Protocol

from eventfold.native import Extension
from eventfold.records import DeadLetter


class RawRecord(Protocol):
    """Record as aiokafka's parser returns it."""

    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def timestamp(self) -> int | None:
        """Kafka timestamp (ms); 0, -1 or None if the producer set none."""


class Decoded:
    """Valid records of a batch as columns, and dead letters of the others.

    `records`, `keys` (bytes), `times` (event time, ms) and `offsets` have the same length.
    """

    __slots__ = (
        "__dict__",
        "_columns",
        "bad",
        "keys",
        "next_offset",
        "offsets",
        "raw",
        "records",
        "times",
    )

    def __init__(self, next_offset: int) -> None:
        self.records: list[Any] = []
        self.keys: list[bytes] = []
        self.times: list[int] = []
        self.offsets: list[int] = []
        self.bad: list[DeadLetter] = []
        #: Records that it was decoded from.
        self.raw: Sequence[RawRecord] = ()
        #: Position after the batch.
        self.next_offset = next_offset
        self._columns: Any = None

    def __len__(self) -> int:
        return len(self.offsets)

    def only(self, index: int) -> Decoded:
        """Return one of the records as if it were a batch of its own, without `raw` and `bad`."""
        one = Decoded(self.offsets[index] + 1)
        one.records, one.keys = [self.records[index]], [self.keys[index]]
        one.times, one.offsets = [self.times[index]], [self.offsets[index]]
        return one

    @cached_property
    def sizes(self) -> list[int]:
        """Size (bytes) of each record's value; 0 for a record that is not in `raw`."""
        if len(self.raw) == len(self):
            return [len(each.value or b"") for each in self.raw]
        sizes = {each.offset: len(each.value or b"") for each in self.raw}
        return [sizes.get(offset, 0) for offset in self.offsets]

    @property
    def first_offset(self) -> int:
        """Offset of the first record. Raises IndexError if there is none."""
        return self.offsets[0]

    @cached_property
    def in_order(self) -> bool:
        """Whether no record has an earlier event time than the one before it."""
        return all(map(le, self.times, islice(self.times, 1, None)))

    def trades(self, native: Extension) -> Any | None:
        """Return the records as columns of the extension, or None if they aren't trades."""
        if self._columns is None:
            self._columns = native.trades.of_records(
                self.keys, self.times, self.offsets, self.records
            )
        return self._columns

    @cached_property
    def by_key(self) -> dict[bytes, list[int]]:
        """Indexes of each key's records, ascending."""
        found: defaultdict[bytes, list[int]] = defaultdict(list)
        for index, key in enumerate(self.keys):
            found[key].append(index)
        return found
