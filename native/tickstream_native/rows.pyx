# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows of panes of candles as bytes: what `encode_row` and `row_key` make of them (MessagePack)."""

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from libc.string cimport memcpy

cdef enum:
    # No number takes more than 9 bytes; a row has 16 of them at most, and two heads.
    ROOM = 9 * 18
    LENGTH = 2
    START = 8


def encode(panes, long long version, otherwise):
    """Give (key, value) of the row of each pane.

    Panes of candles without corrections whose numbers are of 64 bits are encoded here, for any
    other `otherwise(pane)` gives the row.
    """
    rows = []
    for pane in panes:
        value = None if pane.corrections is not None else _value(pane, version)
        rows.append(otherwise(pane) if value is None else (_key(pane.key, pane.start), value))
    return rows


cdef bytes _key(bytes key, long long start):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(key)
    cdef bytes row = PyBytes_FromStringAndSize(NULL, LENGTH + length + START)
    cdef unsigned char* at = <unsigned char*> PyBytes_AS_STRING(row)
    at[0], at[1] = (length >> 8) & 0xFF, length & 0xFF
    memcpy(at + LENGTH, PyBytes_AS_STRING(key), length)
    _big_endian(at + LENGTH + length, <unsigned long long> start, START)
    return row


cdef bytes _value(pane, long long version):
    cdef unsigned char[ROOM] buffer
    cdef unsigned char* at = buffer
    state = pane.state
    at[0] = 0x90 | 6
    at = _integer(at + 1, version)
    at = _integer(at, pane.count)
    at = _integer(at, pane.first_offset)
    at = _integer(at, pane.last_offset)
    at[0], at[1] = 0xC0, 0x90 | 11
    at += 2
    for number in (
        state.open_time,
        state.open_offset,
        state.open,
        state.high,
        state.low,
        state.close_time,
        state.close_offset,
        state.close,
        state.volume,
        state.notional,
        state.total,
    ):
        at = _number(at, number)
        if at == NULL:
            return None
    return PyBytes_FromStringAndSize(<char*> buffer, at - buffer)


cdef unsigned char* _number(unsigned char* at, number) except? NULL:
    """Write a float, or an int of 64 bits; NULL for anything else."""
    cdef int overflow = 0
    cdef long long whole
    if PyFloat_CheckExact(number):
        return _float(at, PyFloat_AS_DOUBLE(number))
    if not PyLong_CheckExact(number):
        return NULL
    whole = PyLong_AsLongLongAndOverflow(number, &overflow)
    return NULL if overflow else _integer(at, whole)


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
