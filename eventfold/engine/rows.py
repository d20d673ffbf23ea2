"""How a row is written, in the changelog and in the store alike.

Key: length of the key (2 bytes, big endian), the key, the start (8 bytes, big endian). All rows
of a key stand together, ordered by start. Value: MessagePack `[version, ...]`.
The meta row of a partition has the key `__meta__` (no row's key: as a length, its first two
bytes would ask for 24,415 bytes more).

Starts from `OPEN` on are no times: there stand rows of another kind, so that neither a query by
time nor the retention meets them.
"""

import struct
from typing import Any

import msgspec

from eventfold.aggregates import Packed
from eventfold.decoding import decode_json
from eventfold.windows.panes import BEFORE_ALL

META = b"__meta__"

#: Start of the row that holds what of a key is still open (sessions, count windows).
OPEN = 1 << 61

#: Rows from this start on count a key's late records, by day of arrival in stream time (ms).
LATE = 1 << 62

_LENGTH = struct.Struct(">H")
_START = struct.Struct(">Q")

#: Longest key in bytes.
MAX_KEY = 0xFFFF


class UnreadableRowError(Exception):
    """A row whose version or shape is not the one this code writes."""


class Meta(msgspec.Struct, omit_defaults=True):
    """What a partition of a table knows beside its rows; moves in the same transaction."""

    #: The changelog that the state is written to: its topic's id, or one of our own.
    history: str = ""
    #: What the rows are; rows of another layout can't be read.
    layout: str = ""
    #: The table's settings that its results depend on; see eventfold/engine/definitions.py.
    definition: dict[str, str] = {}
    #: Source topic → offset of the next record to fold.
    positions: dict[str, int] = {}
    #: Source topic → id (KIP-516) of the topic that its position is of.
    source_ids: dict[str, str] = {}
    #: Highest event time accepted (ms); -1 before the first record.
    stream_time: int = BEFORE_ALL
    #: Windows ending at or before this (ms) have been published as final, timers due by then have
    #: fired: whatever the grace is from now on, a record before it is late.
    finalised: int = 0
    #: Of windows that end after this (ms) and by `finalised` only those of keys up to this one, in
    #: order of their bytes, are published: there were too many for one checkpoint. None: all are.
    closing: tuple[int, str] | None = None
    #: Changes up to this position are published: a row with a higher last offset awaits it.
    published: int = 0
    #: Rows that start before this (ms) are over for their age, and deleted, ...
    expired: int = 0
    #: ... but for some that start at this (ms) or later: they are too many for one checkpoint.
    expiring: int | None = None
    #: Behind a repartition: stream time (ms) of each partition it gathers from.
    inputs: dict[int, int] = {}
    #: How far records were behind stream time when they came (ms, upper bound) → records.
    lateness: dict[int, int] = {}

    @property
    def closed(self) -> int:
        """Windows ending at or before this (ms) are published as final, those of each key."""
        return self.finalised if self.closing is None else self.closing[0]


def _pack(item: Packed) -> bytes:
    if not hasattr(item, "to_bytes"):
        raise TypeError(f"a row can't hold {type(item).__name__} objects")
    return item.to_bytes()


def _unpack(kind: type[Packed], raw: Any) -> Packed:
    if not isinstance(raw, bytes):
        raise TypeError(f"expected the bytes of {kind.__name__}, got {type(raw).__name__}")
    try:
        return kind.from_bytes(raw)
    except Exception as error:  # whatever a library says of bytes it can't read
        raise ValueError(f"not the bytes of {kind.__name__}: {error}") from error


#: Only what MessagePack has no form for gets to the hook: ordinary rows don't pay for it.
_encode = msgspec.msgpack.Encoder(enc_hook=_pack).encode


def prefix(key: bytes) -> bytes:
    """Give what all rows of `key` begin with."""
    return _LENGTH.pack(len(key)) + key


def row_key(key: bytes, start: int) -> bytes:
    """Give the key of the row of `key` at `start` (ms, not negative)."""
    return _LENGTH.pack(len(key)) + key + _START.pack(start)


def split_row_key(row: bytes) -> tuple[bytes, int]:
    """Give key and start (ms) of a row's key."""
    return row[2:-8], _START.unpack(row[-8:])[0]


def encode_row(version: int, *fields: Any) -> bytes:
    """Give a row's value; of `Packed` objects in the fields, the bytes they make of themselves."""
    return _encode((version, *fields))


def encode_meta(meta: Meta) -> bytes:
    """Give the meta row's value; JSON, because people look at it with a console consumer."""
    return msgspec.json.encode(meta)


def decode_meta(value: bytes) -> Meta:
    """Read a meta row. Raises UnreadableRowError."""
    try:
        return decode_json(value, Meta)
    except msgspec.MsgspecError as error:
        raise UnreadableRowError(f"meta row {value[:80]!r}: {error}") from error


class RowDecoder:
    """Reads the values of one table's rows."""

    def __init__(self, table: str, version: int, fields: list[Any]) -> None:
        self._table = table
        self._version = version
        shape: Any = tuple.__class_getitem__((int, *fields))
        self._decode = msgspec.msgpack.Decoder(shape, dec_hook=_unpack).decode

    def __call__(self, key: bytes, value: bytes) -> tuple[Any, ...]:
        """Give the fields of a row. Raises UnreadableRowError with the row's name."""
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
