# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Panes of candles as C numbers: a fifth of the memory, in one place instead of twenty."""

cimport cython
from cpython.float cimport PyFloat_CheckExact
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from libc.math cimport INFINITY


# No cycle leads through one, so the garbage collector need not walk them.
@cython.no_gc
cdef class Pane:
    """What `Pane` of eventfold/windows/panes.py is, of trades: a `kind` of state whose zero is `OhlcState()`.

    Python sees a `state` as there: an object of its own from when it is asked for until the
    extension has to do with the pane again, and takes the numbers back. Nobody is to change it
    later than that.
    """

    def __init__(
        self,
        kind,
        bytes key not None,
        long long start,
        state=None,
        long long count=0,
        long long first_offset=-1,
        long long last_offset=-1,
        dict corrections=None,
    ):
        self.kind, self.key, self.start, self.plain = kind, key, start, state
        self.count, self.first_offset, self.last_offset = count, first_offset, last_offset
        self.corrections = corrections
        self.dirty = self.unpublished = False
        self.open_time = self.open_offset = <long long> 1 << 62
        self.close_time = self.close_offset = -1
        self.high, self.low = -INFINITY, INFINITY
        self.open = self.close = self.notional = self.total = self.amount = 0.0
        self.volume = 0
        self.fractional = False

    @property
    def state(self):
        """The prices of its trades."""
        if self.plain is None:
            self.plain = self.kind(
                self.open_time,
                self.open_offset,
                self.open,
                self.high,
                self.low,
                self.close_time,
                self.close_offset,
                self.close,
                self.amount if self.fractional else self.volume,
                self.notional,
                self.total,
            )
        return self.plain

    def correct(self, reached):
        """Note one arrival when stream time, rounded down to whole panes, was `reached` (ms)."""
        if self.corrections is None:
            self.corrections = {}
        self.corrections[reached] = self.corrections.get(reached, 0) + 1

    cdef bint settle(self) except -1:
        """Have the state in numbers; return whether they are floats, and integers of 64 bits."""
        if self.plain is None:
            return True
        state = self.plain
        prices = (state.open, state.high, state.low, state.close, state.notional, state.total)
        for each in prices:
            if not PyFloat_CheckExact(each):
                return False
        if PyFloat_CheckExact(state.volume):
            self.fractional, self.volume, self.amount = True, 0, state.volume
        elif _integer(state.volume, &self.volume):
            self.fractional = False
        else:
            return False
        if not (
            _integer(state.open_time, &self.open_time)
            and _integer(state.open_offset, &self.open_offset)
            and _integer(state.close_time, &self.close_time)
            and _integer(state.close_offset, &self.close_offset)
        ):
            return False
        self.open, self.high, self.low, self.close, self.notional, self.total = prices
        self.plain = None
        return True


cdef bint _integer(number, long long* taken) except -1:
    cdef int overflow = 0
    if not PyLong_CheckExact(number):
        return False
    taken[0] = PyLong_AsLongLongAndOverflow(number, &overflow)
    return not overflow
