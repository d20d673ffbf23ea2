cdef class Pane:
    cdef readonly bytes key
    cdef readonly long long start
    cdef public long long count
    cdef public long long first_offset
    cdef public long long last_offset
    cdef public dict corrections
    cdef public bint dirty
    cdef public bint unpublished
    # What follows holds as long as `plain` is None.
    cdef long long open_time, open_offset, close_time, close_offset, volume
    cdef double open, high, low, close, notional, total
    # The volume is `amount` where it is `fractional`.
    cdef double amount
    cdef bint fractional
    cdef object kind, plain

    cdef bint settle(self) except -1
