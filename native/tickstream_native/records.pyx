# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Records of any JSON topic: decoded, and what every table relies on checked, in one loop."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.string cimport memcmp


def read(
    raw,
    decode,
    str key_field,
    str time_field,
    long long earliest,
    long long latest,
    long long max_ahead,
    Py_ssize_t max_key,
):
    """Give records, keys (bytes), times (ms) and offsets of `raw`, as lists.

    None where one is not right: its key, of at most `max_key` bytes, has to be the text in its
    `key_field`; its `time_field` an integer, `earliest` to `latest` and at most `max_ahead` ms after
    the timestamp, if there is one. Raises what `decode(value)` raises.
    """
    cdef list records = [], keys = [], times = [], offsets = []
    cdef long long time, stamp
    cdef Py_ssize_t length = 0
    cdef const char* text
    cdef int overflow = 0
    for each in raw:
        value, key = each.value, each.key
        if value is None or not PyBytes_CheckExact(key):
            return None
        record = decode(value)
        name, moment = getattr(record, key_field), getattr(record, time_field)
        if type(name) is not str or not PyLong_CheckExact(moment):
            return None
        text = PyUnicode_AsUTF8AndSize(name, &length)
        if length > max_key or length != PyBytes_GET_SIZE(key):
            return None
        if memcmp(text, PyBytes_AS_STRING(key), length):
            return None
        time = PyLong_AsLongLongAndOverflow(moment, &overflow)
        stamp = each.timestamp or 0
        if overflow or not earliest <= time <= latest:
            return None
        if stamp > 0 and time - stamp > max_ahead:
            return None
        records.append(record)
        keys.append(key)
        times.append(moment)
        offsets.append(each.offset)
    return records, keys, times, offsets
