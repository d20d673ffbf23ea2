# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Windows on a grid folded from panes of candles, and what is said of them."""

from cpython.mem cimport PyMem_Free, PyMem_Realloc

from tickstream_native.panes cimport Pane

cdef enum:
    #: A window has at most so many panes, so its volume is within 64 bits if theirs are within 55.
    MOST_PANES = 64

cdef long long LARGEST_VOLUME = 1 << 55

#: aiokafka only reads the list.
cdef list NO_HEADERS = []


cdef struct Slice:
    # A pane, as numbers.
    long long start
    long long count
    long long first_offset
    long long last_offset
    #: The volume is `amount` where it is `fractional`.
    long long volume
    double amount
    bint fractional
    double high
    double low
    double notional
    double total


cdef struct Extent:
    # A window: where it is, and which panes it holds.
    long long start
    Py_ssize_t first
    Py_ssize_t stop


cdef double _amount(Slice* slice) noexcept:
    """Return a volume as a float."""
    return slice.amount if slice.fractional else <double> slice.volume


cdef class Publication:
    """One publication of a partition: the windows of one kind, key by key.

    `encode(record)` gives bytes; `places(key)` what makes the records of a key and, with each, where
    in `outputs` they go: the same for all results of a publication, as are their `partition`,
    `stream_time` and `before`. A window in which a record has come from `position` on is left out. `result`, `state`, `record` are the product's types. Where `candle`
    is all that makes records, they are made without a result, which would be a `record` just so.
    """

    cdef object window, result, state, candle, record, outputs, places, encode, before, stream_time, partition
    cdef long long size, advance, offset, finalised, position
    cdef Slice* slices
    cdef Extent* extents
    cdef Py_ssize_t slice_room, extent_room
    #: The panes in `slices`.
    cdef list panes
    #: How many results were published, by whether they are final.
    cdef readonly dict published
    #: What is being said.
    cdef object name, publishing

    def __cinit__(self):
        self.slices, self.extents = NULL, NULL
        self.slice_room = self.extent_room = 0

    def __init__(
        self,
        window,
        *,
        result,
        state,
        candle,
        record,
        outputs,
        places,
        encode,
        before,
        partition,
        long long stream_time,
        long long finalised,
        long long position,
    ):
        self.window = window
        self.size, self.advance, self.offset = window
        self.result, self.state = result, state
        self.candle, self.record = candle, record
        self.outputs, self.places, self.encode = outputs, places, encode
        self.before, self.partition = before, partition
        self.stream_time, self.finalised = stream_time, finalised
        self.position = position
        self.published = {}

    def __str__(self):
        """Name what is being said, for the message of an error."""
        if self.publishing is not None:
            return str(self.publishing)
        return f"window {self.window} of key {self.name!r}"

    def __dealloc__(self):
        PyMem_Free(self.slices)
        PyMem_Free(self.extents)

    def publish(
        self,
        bytes key,
        str name,
        dict panes,
        list starts,
        list near,
        long long after,
        long long until,
    ):
        """Publish the windows of a key that hold one of the panes `near` and end in (after, until].

        `starts` are the ascending starts of all its `panes`, `near` of some. Returns whether it was
        done: not where a window has more panes than 64, or a number is too large.
        """
        cdef Py_ssize_t count = self._extents(near, after, until), i
        self.name, self.publishing = name, None
        if not count:
            return True
        if not self._load(panes, starts, count):
            return False
        places = self.places(key)
        cdef bint plain = self._are_candles(places)
        for i in range(count):
            if self.extents[i].first < self.extents[i].stop:
                self._publish(&self.extents[i], key, name, places, plain)
        return True

    def publish_pane(self, Pane pane not None):
        """Publish the window that is just one pane; return whether it was done, as `publish` does."""
        cdef Extent extent
        cdef bytes key = pane.key
        cdef str name = key.decode()
        self.name, self.publishing, self.panes = name, None, []
        if not self._take(pane, 0):
            return False
        extent.start, extent.first, extent.stop = self.slices[0].start, 0, 1
        places = self.places(key)
        self._publish(&extent, key, name, places, self._are_candles(places))
        return True

    cdef bint _are_candles(self, list places):
        for make, _ in places:
            if make is not self.candle:
                return False
        return True

    cdef Py_ssize_t _extents(self, list near, long long after, long long until) except -1:
        """Find where the windows are: see `Window.holding`."""
        cdef long long size = self.size, advance = self.advance, offset = self.offset
        cdef long long start = max(0, (after - offset - size) // advance + 1) * advance + offset
        cdef long long last = until - size, pane, first
        cdef Py_ssize_t count = 0
        for each in near:
            pane = each
            first = pane - size
            if start <= first:
                start = first - (first - offset) % advance + advance
            while start <= pane:
                if start > last:
                    return count
                if count == self.extent_room:
                    self._more_extents()
                self.extents[count].start = start
                count += 1
                start += advance
        return count

    cdef int _more_extents(self) except -1:
        cdef Py_ssize_t room = 2 * self.extent_room + 64
        cdef void* moved = PyMem_Realloc(self.extents, room * sizeof(Extent))
        if moved == NULL:
            raise MemoryError
        self.extents, self.extent_room = <Extent*> moved, room
        return 0

    cdef bint _load(self, dict panes, list starts, Py_ssize_t count) except -1:
        """Take the panes of `count` windows; return whether they are all plain."""
        cdef long long begin = self.extents[0].start, end = self.extents[count - 1].start + self.size
        cdef Py_ssize_t held = 0, i, first = 0, stop = 0
        self.panes = []
        for each in starts:
            if not begin <= each < end:
                continue
            if not self._take(panes[each], held):
                return False
            held += 1
        for i in range(count):
            begin = self.extents[i].start
            while first < held and self.slices[first].start < begin:
                first += 1
            while stop < held and self.slices[stop].start < begin + self.size:
                stop += 1
            if stop - first > MOST_PANES:
                return False
            self.extents[i].first, self.extents[i].stop = first, stop
        return True

    cdef bint _take(self, Pane pane, Py_ssize_t at) except -1:
        """Take one pane as numbers; return whether it is plain."""
        cdef void* moved
        cdef Slice* slice
        if at == self.slice_room:
            moved = PyMem_Realloc(self.slices, (2 * at + 64) * sizeof(Slice))
            if moved == NULL:
                raise MemoryError
            self.slices, self.slice_room = <Slice*> moved, 2 * at + 64
        if not pane.settle() or not -LARGEST_VOLUME < pane.volume < LARGEST_VOLUME:
            return False
        slice = &self.slices[at]
        slice.start, slice.count = pane.start, pane.count
        slice.first_offset, slice.last_offset = pane.first_offset, pane.last_offset
        slice.volume, slice.high, slice.low = pane.volume, pane.high, pane.low
        slice.amount, slice.fractional = pane.amount, pane.fractional
        slice.notional, slice.total = pane.notional, pane.total
        self.panes.append(pane)
        return True

    cdef int _publish(self, Extent* extent, bytes key, str name, list places, bint plain) except -1:
        """Write the records of a window."""
        cdef Slice whole = self._merged(extent)
        if whole.last_offset >= self.position:
            return 0
        cdef long long late = self._late(extent)
        cdef bint final = extent.start + self.size <= self.finalised, published = False
        result = None if plain else self._result(name, extent, &whole, late, final)
        self.publishing = result
        for make, place in places:
            record = self._candle(name, extent, &whole, late, final) if plain else make(result)
            if record is not None:
                self.outputs[place].append((key, self.encode(record), NO_HEADERS))
                published = True
        if published:
            self.published[final] = self.published.get(final, 0) + 1
        return 0

    cdef Slice _merged(self, Extent* extent):
        """Merge the panes of a window: see `Ohlc.merge_runs`."""
        cdef Slice whole = self.slices[extent.first]
        cdef Slice* slice
        cdef Py_ssize_t i
        for i in range(extent.first + 1, extent.stop):
            slice = &self.slices[i]
            # As max() and min() do.
            if slice.high > whole.high:
                whole.high = slice.high
            if slice.low < whole.low:
                whole.low = slice.low
            whole.first_offset = min(whole.first_offset, slice.first_offset)
            whole.last_offset = max(whole.last_offset, slice.last_offset)
            whole.count += slice.count
            if whole.fractional or slice.fractional:
                whole.amount = _amount(&whole) + _amount(slice)
                whole.fractional = True
            else:
                whole.volume += slice.volume
            whole.notional += slice.notional
            whole.total += slice.total
        return whole

    cdef long long _late(self, Extent* extent) except -1:
        """Count what came after the end of a window: see `_late` of eventfold/windows/folding.py."""
        cdef long long end = extent.start + self.size, late = 0
        cdef Pane pane
        cdef Py_ssize_t i
        for i in range(extent.first, extent.stop):
            pane = self.panes[i]
            if pane.corrections is not None:
                for reached, records in pane.corrections.items():
                    if reached >= end:
                        late += records
        return late

    cdef object _candle(
        self, str key, Extent* extent, Slice* whole, long long late, bint final
    ):
        """Make the record of a window as `candle` would: see eventfold/records/candles.py."""
        cdef Pane oldest = self.panes[extent.first], newest = self.panes[extent.stop - 1]
        return self.record(
            key,
            self.size,
            self.advance,
            extent.start,
            extent.start + self.size,
            oldest.open,
            whole.high,
            whole.low,
            newest.close,
            whole.amount if whole.fractional else whole.volume,
            whole.notional / _amount(whole) if _amount(whole) else None,
            whole.count,
            whole.total / <double> whole.count,
            2 * whole.last_offset + final,
            final,
            late,
            self.partition,
            whole.first_offset,
            whole.last_offset,
        )

    cdef object _result(
        self, str key, Extent* extent, Slice* whole, long long late, bint final
    ):
        """Make the result of a window as `WindowResults.result` does."""
        cdef Pane oldest = self.panes[extent.first], newest = self.panes[extent.stop - 1]
        state = self.state(
            oldest.open_time,
            oldest.open_offset,
            oldest.open,
            whole.high,
            whole.low,
            newest.close_time,
            newest.close_offset,
            newest.close,
            whole.amount if whole.fractional else whole.volume,
            whole.notional,
            whole.total,
        )
        return self.result(
            key,
            self.window,
            extent.start,
            extent.start + self.size,
            state,
            whole.count,
            whole.first_offset,
            whole.last_offset,
            late,
            final,
            2 * whole.last_offset + final,
            self.partition,
            self.stream_time,
            self.before,
        )
