# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows of panes of candles as bytes: what `encode_row` and `row_key` make of them (MessagePack)."""

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from libc.string cimport memcpy

from tickstream_native.panes cimport Pane

cdef enum:
    # No number takes more than 9 bytes; a row has 15 of them, two for each of its corrections, and
    # three heads. A head of one byte does for so many corrections.
    MOST_CORRECTIONS = 15
    ROOM = 9 * (18 + 2 * MOST_CORRECTIONS)
    LENGTH = 2
    START = 8


def encode(panes, long long version, otherwise):
    """Give (key, value) of the row of each pane.

    Panes whose numbers are floats and integers of 64 bits, and corrections few, are encoded here;
    for any other `otherwise(pane)` gives the row.
    """
    cdef Pane pane
    rows = []
    for pane in panes:
        few = pane.corrections is None or len(pane.corrections) <= MOST_CORRECTIONS
        if few and pane.settle():
            rows.append((_key(pane.key, pane.start), _value(pane, version)))
        else:
            rows.append(otherwise(pane))
    return rows


cdef bytes _key(bytes key, long long start):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(key)
    cdef bytes row = PyBytes_FromStringAndSize(NULL, LENGTH + length + START)
    cdef unsigned char* at = <unsigned char*> PyBytes_AS_STRING(row)
    at[0], at[1] = (length >> 8) & 0xFF, length & 0xFF
    memcpy(at + LENGTH, PyBytes_AS_STRING(key), length)
    _big_endian(at + LENGTH + length, <unsigned long long> start, START)
    return row


cdef bytes _value(Pane pane, long long version):
    cdef unsigned char[ROOM] buffer
    cdef unsigned char* at = buffer
    at[0] = 0x90 | 6
    at = _integer(at + 1, version)
    at = _integer(at, pane.count)
    at = _integer(at, pane.first_offset)
    at = _integer(at, pane.last_offset)
    if pane.corrections is None:
        at[0] = 0xC0
        at += 1
    else:
        at[0] = 0x80 | <unsigned char> len(pane.corrections)
        at += 1
        for reached, records in pane.corrections.items():
            at = _integer(_integer(at, reached), records)
    at[0] = 0x90 | 11
    at = _integer(at + 1, pane.open_time)
    at = _integer(at, pane.open_offset)
    at = _float(at, pane.open)
    at = _float(at, pane.high)
    at = _float(at, pane.low)
    at = _integer(at, pane.close_time)
    at = _integer(at, pane.close_offset)
    at = _float(at, pane.close)
    at = _float(at, pane.amount) if pane.fractional else _integer(at, pane.volume)
    at = _float(at, pane.notional)
    at = _float(at, pane.total)
    return PyBytes_FromStringAndSize(<char*> buffer, at - buffer)


cdef unsigned char* _big_endian(unsigned char* at, unsigned long long number, int size) noexcept:
    cdef int i
    for i in range(size):
        at[i] = (number >> (8 * (size - 1 - i))) & 0xFF
    return at + size


cdef unsigned char* _float(unsigned char* at, double number) noexcept:
    cdef unsigned long long bits
    memcpy(&bits, &number, sizeof(double))
    at[0] = 0xCB
    return _big_endian(at + 1, bits, 8)


cdef unsigned char* _integer(unsigned char* at, long long number) noexcept:
    """Write a number in as few bytes as there is a form of."""
    cdef unsigned char form
    cdef int size
    if -32 <= number < 128:
        at[0] = <unsigned char> (number & 0xFF)
        return at + 1
    if number >= 0:
        form, size = 0xCC, 1
        if number > 0xFFFFFFFF:
            form, size = 0xCF, 8
        elif number > 0xFFFF:
            form, size = 0xCE, 4
        elif number > 0xFF:
            form, size = 0xCD, 2
    else:
        form, size = 0xD0, 1
        if number < -(1 << 31):
            form, size = 0xD3, 8
        elif number < -(1 << 15):
            form, size = 0xD2, 4
        elif number < -(1 << 7):
            form, size = 0xD1, 2
    at[0] = form
    return _big_endian(at + 1, <unsigned long long> number, size)
