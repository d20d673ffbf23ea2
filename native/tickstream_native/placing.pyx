# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The partition of a key, as Kafka's default partitioner of Java has it (murmur2)."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

cdef unsigned int SEED = 0x9747B28C
cdef unsigned int MULTIPLIER = 0x5BD1E995


def partition_of(bytes key not None, int count):
    """Return the partition of `key` among `count`."""
    if count == 1:
        return 0
    return (_murmur2(<const unsigned char*> PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
            & 0x7FFFFFFF) % count


cdef unsigned int _murmur2(const unsigned char* data, Py_ssize_t length) noexcept:
    """Compute the 32-bit MurmurHash2 of some bytes, with the seed that Kafka uses."""
    cdef unsigned int found = SEED ^ <unsigned int> length
    cdef unsigned int word
    cdef Py_ssize_t at = 0
    while length - at >= 4:
        word = (
            data[at]
            | <unsigned int> data[at + 1] << 8
            | <unsigned int> data[at + 2] << 16
            | <unsigned int> data[at + 3] << 24
        )
        word *= MULTIPLIER
        word ^= word >> 24
        word *= MULTIPLIER
        found = found * MULTIPLIER ^ word
        at += 4
    if at < length:
        # The last one to three bytes, the first of them lowest.
        word = 0
        while length > at:
            length -= 1
            word = word << 8 | data[length]
        found = (found ^ word) * MULTIPLIER
    found ^= found >> 13
    found *= MULTIPLIER
    return found ^ found >> 15
