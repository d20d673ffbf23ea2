"""A partition's log, as the bytes of a broker's answer to a fetch."""

import struct
from typing import NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import strategies as st

#: Positions of these fields in a batch's header (aiokafka/record/default_records.py).
_CRC, _ATTRIBUTES, _LAST_DELTA = 17, 21, 23
_CONTROL = 0x20
#: Types of control records.
ABORT, COMMIT = 0, 1
_SNAPPY = 2


class Written(NamedTuple):
    """A batch: how far its records are apart, its producer and its compression.

    Compaction may have removed its last records, or all: it has `tail` more offsets than records.
    With `marker`, it ends the producer's transaction, aborted or committed.
    """

    gaps: list[int]
    producer: int = -1
    tail: int = 0
    compressed: bool = False
    marker: int | None = None


#: Offset, timestamp, key, value.
Entry = tuple[int, int, bytes | None, bytes | None]


class Fetched(NamedTuple):
    """Answer of a broker: bytes, and the aborted transactions (producer, first offset)."""

    raw: bytes
    aborted: list[tuple[int, int]]


class Log:
    """A partition's log."""

    def __init__(self, base: int) -> None:
        self.base = self.end = base
        #: Records that are not markers; and those of them that no transaction aborted.
        self.records: list[Entry] = []
        self.committed: list[Entry] = []
        self._batches: list[tuple[int, bytes]] = []
        #: Producer, first offset, offset of the marker.
        self._aborted: list[tuple[int, int, int]] = []
        self._open: dict[int, list[Entry]] = {}

    def append(self, batch: Written) -> None:
        """Write a batch at the end."""
        deltas = [sum(batch.gaps[1 : n + 1]) for n in range(len(batch.gaps))]
        entries = [_entry(batch, self.end + delta) for delta in deltas]
        self._batches.append((self.end, _encoded(batch, self.end, deltas, entries)))
        if batch.marker is not None:
            self._finish(batch)
        else:
            self.records += entries
            if batch.producer < 0:
                self.committed += entries
            else:
                self._open.setdefault(batch.producer, []).extend(entries)
        self.end += max(deltas, default=0) + 1 + batch.tail

    def _finish(self, batch: Written) -> None:
        entries = self._open.pop(batch.producer, [])
        if batch.marker == COMMIT:
            self.committed = sorted([*self.committed, *entries])
        elif entries:
            self._aborted.append((batch.producer, entries[0][0], self.end))

    def fetch(self, offset: int) -> Fetched:
        """Answer as a broker does: from the batch that holds `offset`."""
        held = [n for n, (base, _) in enumerate(self._batches) if base <= offset]
        batches = self._batches[held[-1] :]
        aborted = [
            (producer, first) for producer, first, end in self._aborted if end >= batches[0][0]
        ]
        return Fetched(b"".join(raw for _, raw in batches), aborted)


BATCHES = st.builds(
    Written,
    gaps=st.lists(st.integers(1, 3), max_size=12),
    producer=st.sampled_from([-1, 7, 8]),
    tail=st.integers(0, 3),
    compressed=st.booleans(),
    marker=st.none(),
)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Draw a log of plain batches and transactions, some of them aborted."""
    log = Log(draw(st.integers(0, 1000)))
    for batch in draw(st.lists(BATCHES, min_size=1, max_size=10)):
        log.append(batch)
        if batch.producer >= 0 and draw(st.booleans()):
            marker = draw(st.sampled_from([ABORT, COMMIT]))
            log.append(Written([1], batch.producer, marker=marker))
    # A `read_committed` consumer gets no record of an open transaction: end them all.
    for producer in (7, 8):
        log.append(Written([1], producer, marker=COMMIT))
    return log


def _entry(batch: Written, offset: int) -> Entry:
    if batch.marker is not None:
        return offset, 1_000, struct.pack(">hh", 0, batch.marker), b"\0\0\0\0\0\0"
    value = None if offset % 5 == 0 else b"value-%d" % offset
    return offset, 1_000 + offset % 7, None if offset % 4 == 0 else b"%d" % offset, value


def _encoded(batch: Written, base: int, deltas: list[int], entries: list[Entry]) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=_SNAPPY if batch.compressed and entries else 0,
        is_transactional=int(batch.producer >= 0),
        producer_id=batch.producer,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 20,
    )
    for delta, (_, timestamp, key, value) in zip(deltas, entries, strict=True):
        assert builder.append(delta, timestamp, key, value, []) is not None
    encoded = bytearray(builder.build())
    # The broker writes these: the base offset, control batches, the effect of compaction.
    struct.pack_into(">q", encoded, 0, base)
    if batch.marker is not None:
        (attributes,) = struct.unpack_from(">h", encoded, _ATTRIBUTES)
        struct.pack_into(">h", encoded, _ATTRIBUTES, attributes | _CONTROL)
    struct.pack_into(">i", encoded, _LAST_DELTA, max(deltas, default=0) + batch.tail)
    struct.pack_into(">I", encoded, _CRC, calc_crc32c(bytes(encoded[_ATTRIBUTES:])))
    return bytes(encoded)
