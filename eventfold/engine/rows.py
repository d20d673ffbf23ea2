"""Format of a row, in the changelog and in the store alike.

Key: length of the key (2 bytes, big endian), the key, the start (8 bytes, big endian). All rows of
a key are adjacent, ordered by start. Value: MessagePack `[version, ...]`. The meta row of a
partition has the key `__meta__`. It is no row's key: as a length, its first two bytes would ask for
24,415 bytes more.

Starts from `OPEN` on are no times but rows of other kinds, which neither a query by time nor the
retention reaches.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from eventfold.aggregates import Packed
from eventfold.decoding import decode_json
from eventfold.windows.panes import BEFORE_ALL

META = b"__meta__"

#: Rows from this start on hold what is still open of a key (sessions, count windows).
OPEN = 1 << 61

#: Rows from this start on count a key's late records by day of arrival, in stream time (ms).
LATE = 1 << 62

#: Key and value of a row (None deletes it).
Row = tuple[bytes, bytes | None]

_LENGTH = struct.Struct(">H")
_START = struct.Struct(">Q")

#: Longest key in bytes.
MAX_KEY = 0xFFFF


class UnreadableRowError(Exception):
    """Row of a version or shape that this code does not write."""


class Meta(msgspec.Struct, omit_defaults=True):
    """State of a partition of a table besides its rows; committed in the same transaction."""

    #: Identity of the changelog: its topic's id, or one that the engine made up.
    history: str = ""
    #: Layout of the rows; rows of another layout can't be read.
    layout: str = ""
    #: Settings of the table that its results depend on; see eventfold/engine/definitions.py.
    definition: dict[str, str] = {}
    #: Source topic → offset of the next record to fold.
    positions: dict[str, int] = {}
    #: Source topic → id (KIP-516) of the topic that its position is of.
    source_ids: dict[str, str] = {}
    #: Highest event time accepted (ms); -1 before the first record.
    stream_time: int = BEFORE_ALL
    #: Windows ending at or before this (ms) are published as final, timers due by then have fired.
    #: A record before it is late, whatever the grace is from now on.
    finalised: int = 0
    #: Of windows that end after this (ms) and by `finalised`, only those of keys up to this one (in
    #: byte order) are published: there were too many for one checkpoint. None: all are.
    closing: tuple[int, str] | None = None
    #: Changes up to this position are published; a row with this or a higher last offset is not
    #: yet.
    published: int = 0
    #: Rows that start before this (ms) have expired and are deleted, ...
    expired: int = 0
    #: ... except for some that start at this (ms) or later: they were too many for one checkpoint.
    expiring: int | None = None
    #: After a repartition: stream time (ms) of each partition that records come from.
    inputs: dict[int, int] = {}
    #: Lateness distribution: delay behind stream time at arrival (ms, upper bound) → records.
    lateness: dict[int, int] = {}

    @property
    def closed(self) -> int:
        """Time (ms): windows of every key that end at or before it are published as final."""
        return self.finalised if self.closing is None else self.closing[0]

    def become(self, other: Meta) -> None:
        """Take over the values of another meta row: the parts of a state share this one."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(other, name))


def _pack(item: Packed) -> bytes:
    if not hasattr(item, "to_bytes"):
        raise TypeError(f"a row can't hold {type(item).__name__} objects")
    return item.to_bytes()


def _unpack(kind: type[Packed], raw: Any) -> Packed:
    if not isinstance(raw, bytes):
        raise TypeError(f"expected the bytes of {kind.__name__}, got {type(raw).__name__}")
    try:
        return kind.from_bytes(raw)
    except Exception as error:  # a library may raise anything for bytes it can't read
        raise ValueError(f"not the bytes of {kind.__name__}: {error}") from error


#: The hook is called only for types that MessagePack lacks, so ordinary rows don't pay for it.
_encode = msgspec.msgpack.Encoder(enc_hook=_pack).encode


def prefix(key: bytes) -> bytes:
    """Return the common prefix of all rows of `key`."""
    return _LENGTH.pack(len(key)) + key


def row_key(key: bytes, start: int) -> bytes:
    """Return the key of the row of `key` at `start` (ms, not negative)."""
    return _LENGTH.pack(len(key)) + key + _START.pack(start)


def split_row_key(row: bytes) -> tuple[bytes, int]:
    """Return key and start (ms) of a row's key.

    >>> split_row_key(row_key(b"AAPL", 60_000))
    (b'AAPL', 60000)
    """
    return row[2:-8], _START.unpack(row[-8:])[0]


def encode_row(version: int, *fields: Any) -> bytes:
    """Return a row's value; `Packed` objects in the fields are stored as the bytes they return."""
    return _encode((version, *fields))


def encode_meta(meta: Meta) -> bytes:
    """Return the meta row's value: JSON, because people read it with a console consumer."""
    return msgspec.json.encode(meta)


def decode_meta(value: bytes) -> Meta:
    """Parse a meta row. Raises UnreadableRowError."""
    try:
        return decode_json(value, Meta)
    except msgspec.MsgspecError as error:
        raise UnreadableRowError(f"meta row {value[:80]!r}: {error}") from error


class RowDecoder:
    """Decoder of the values of one table's rows."""

    def __init__(self, table: str, version: int, fields: list[Any]) -> None:
        self._table = table
        self._version = version
        shape: Any = tuple.__class_getitem__((int, *fields))
        self._decode = msgspec.msgpack.Decoder(shape, dec_hook=_unpack).decode

    def __call__(self, key: bytes, value: bytes) -> tuple[Any, ...]:
        """Return the fields of a row. Raises UnreadableRowError, which names the row."""
        try:
            version, *fields = self._decode(value)
        except msgspec.MsgspecError as error:
            raise UnreadableRowError(f"table {self._table}, row {key!r}: {error}") from error
        if version != self._version:
            raise UnreadableRowError(
                f"table {self._table}, row {key!r}: written as version {version}, "
                f"this code reads version {self._version}; rebuild the table from its source"
            )
        return tuple(fields)
