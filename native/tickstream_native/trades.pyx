# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Trades as columns of C numbers: read from JSON, folded into panes."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from libc.math cimport INFINITY, NAN
from libc.string cimport memcmp, strncmp

from tickstream_native.panes cimport Pane

#: A float holds each integer up to here; and a power of ten up to that exponent.
cdef unsigned long long EXACT = 1 << 53
cdef enum:
    EXACT_POWER = 22
    MOST_DIGITS = 18

cdef double[EXACT_POWER + 1] POWERS
cdef int _exponent
for _exponent in range(EXACT_POWER + 1):
    POWERS[_exponent] = 10.0 ** _exponent

#: No sum of sizes of a batch passes this, so that it is within 64 bits.
cdef long long LARGEST_SUM = 1 << 62


cdef class Trades:
    """Trades of one partition, in order of their offsets.

    `keys` has each key once, in order of first occurrence; `groups` says whose a trade is.
    `in_order` says that none is of an earlier time than the one before it.
    """

    cdef readonly list keys
    cdef readonly bint in_order
    cdef long long earliest, latest
    cdef Py_ssize_t count, room
    cdef double* prices
    #: Of trades with a fraction for a size that fraction, NaN of others; NULL where all are others.
    cdef double* fractions
    cdef long long* sizes
    cdef long long* times
    cdef long long* offsets
    cdef int* groups
    cdef dict _groups

    def __cinit__(self, Py_ssize_t room):
        self.count = 0
        self.keys = []
        self.in_order = True
        self._groups = {}
        self.fractions = NULL
        self.room = max(room, 1)
        self.prices = <double*> PyMem_Malloc(self.room * sizeof(double))
        self.sizes = <long long*> PyMem_Malloc(self.room * sizeof(long long))
        self.times = <long long*> PyMem_Malloc(self.room * sizeof(long long))
        self.offsets = <long long*> PyMem_Malloc(self.room * sizeof(long long))
        self.groups = <int*> PyMem_Malloc(self.room * sizeof(int))
        if not (self.prices and self.sizes and self.times and self.offsets and self.groups):
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.prices)
        PyMem_Free(self.fractions)
        PyMem_Free(self.sizes)
        PyMem_Free(self.times)
        PyMem_Free(self.offsets)
        PyMem_Free(self.groups)

    def __len__(self):
        return self.count

    def columns(self):
        """Give keys, times (ms) and offsets of all trades, as lists."""
        cdef Py_ssize_t i
        keys = [self.keys[self.groups[i]] for i in range(self.count)]
        times = [self.times[i] for i in range(self.count)]
        offsets = [self.offsets[i] for i in range(self.count)]
        return keys, times, offsets

    def numbers(self):
        """Return prices and sizes of all trades, as lists."""
        cdef Py_ssize_t i
        prices = [self.prices[i] for i in range(self.count)]
        sizes = [
            self.fractions[i] if _is_fraction(self.fractions, i) else self.sizes[i]
            for i in range(self.count)
        ]
        return prices, sizes

    @property
    def span(self):
        """Earliest and latest time (ms)."""
        return self.earliest, self.latest

    @property
    def first_offset(self):
        """Offset of the first trade."""
        return self.offsets[0]

    cdef int add(
        self, object key, double price, long long size, long long time, long long offset
    ) except -1:
        """Append a trade; there is room for as many as it was made for."""
        cdef Py_ssize_t at = self.count
        found = self._groups.get(key)
        if found is None:
            found = self._groups[key] = len(self.keys)
            self.keys.append(key)
        if at == 0:
            self.earliest = self.latest = time
        elif time >= self.latest:
            # Each was, if all were in order.
            self.latest = time
        else:
            self.in_order = False
            self.earliest = min(self.earliest, time)
        self.groups[at] = found
        self.prices[at] = price
        self.sizes[at] = size
        self.times[at] = time
        self.offsets[at] = offset
        self.count = at + 1
        return 0

    cdef int set_fraction(self, double size) except -1:
        """Make the size of the last trade a fraction."""
        cdef Py_ssize_t i
        if self.fractions == NULL:
            self.fractions = <double*> PyMem_Malloc(self.room * sizeof(double))
            if self.fractions == NULL:
                raise MemoryError
            for i in range(self.room):
                self.fractions[i] = NAN
        self.fractions[self.count - 1] = size
        return 0


cdef inline bint _is_fraction(const double* fractions, Py_ssize_t at) noexcept:
    # NaN is what does not equal itself.
    return fractions != NULL and fractions[at] == fractions[at]


def of_records(keys, times, offsets, records):
    """Return the trades that some records are.

    None where a record has no price that is a float, or no size that is one or an int of few bits.
    """
    cdef Py_ssize_t i, count = len(records)
    cdef Trades trades = Trades(count)
    cdef long long size, total = 0
    for i in range(count):
        record = records[i]
        price, units = getattr(record, "price", None), getattr(record, "size", None)
        if not PyFloat_CheckExact(price):
            return None
        if PyFloat_CheckExact(units):
            if units != units:
                return None
            trades.add(keys[i], PyFloat_AS_DOUBLE(price), 0, times[i], offsets[i])
            trades.set_fraction(PyFloat_AS_DOUBLE(units))
            continue
        if not PyLong_CheckExact(units):
            return None
        try:
            size = units
        except OverflowError:
            return None
        if not -LARGEST_SUM < size < LARGEST_SUM - total:
            return None
        total += size if size > 0 else -size
        trades.add(keys[i], PyFloat_AS_DOUBLE(price), size, times[i], offsets[i])
    return trades


# -- JSON

cdef struct Number:
    # `whole` is it too where it has neither a point nor a sign.
    double real
    long long whole
    bint is_whole


cdef struct Field:
    # What has been read of an object; a bit of `seen` for each field.
    const char* symbol
    Py_ssize_t length
    Number price
    Number size
    Number time
    int seen


cdef enum:
    SYMBOL = 1
    PRICE = 2
    SIZE = 4
    TIME = 8


def read(
    raw, long long earliest, long long latest, long long max_ahead, Py_ssize_t max_key
):
    """Return the trades of records whose values are JSON; None where any is not quite plain.

    Plain is an object of `symbol`, `price`, `time` (ms, `earliest` to `latest`) and perhaps `size`
    and nothing else: a symbol of ASCII without escapes that is the record's key, of at most
    `max_key` bytes; numbers without exponents of at most 15 digits, which prices and sizes may
    have as text, too; a size that is not negative, or null; no time more than `max_ahead` ms after
    the record's timestamp, if it has one. What is not plain may be right too: that, or what is
    wrong with it, is for a complete parser to decide.
    """
    cdef Trades trades = Trades(len(raw))
    cdef Field field
    cdef long long stamp, total = 0
    for record in raw:
        value, key = record.value, record.key
        if not PyBytes_CheckExact(value) or not PyBytes_CheckExact(key):
            return None
        if not _read_object(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), &field):
            return None
        if field.length != PyBytes_GET_SIZE(key) or not 0 < field.length <= max_key:
            return None
        if memcmp(field.symbol, PyBytes_AS_STRING(key), field.length):
            return None
        stamp = record.timestamp or 0
        if not earliest <= field.time.whole <= latest:
            return None
        if stamp > 0 and field.time.whole - stamp > max_ahead:
            return None
        if not field.size.is_whole:
            trades.add(key, field.price.real, 0, field.time.whole, record.offset)
            trades.set_fraction(field.size.real)
            continue
        if field.size.whole >= LARGEST_SUM - total:
            return None
        total += field.size.whole
        trades.add(key, field.price.real, field.size.whole, field.time.whole, record.offset)
    return trades


# A value is followed by a 0 in memory, which ends each of these loops.

cdef bint _read_object(const char* at, Py_ssize_t length, Field* field) noexcept nogil:
    cdef const char* end = at + length
    field.seen = 0
    field.size.whole, field.size.is_whole = 0, True
    at = _blanks(at)
    if at[0] != b"{":
        return False
    while True:
        at = _read_field(_blanks(at + 1), field)
        if at == NULL:
            return False
        at = _blanks(at)
        if at[0] == b"}":
            break
        if at[0] != b",":
            return False
    return _blanks(at + 1) == end and (field.seen | SIZE) == SYMBOL | PRICE | SIZE | TIME


cdef const char* _read_field(const char* at, Field* field) noexcept nogil:
    """Read `"name": value`; give where it ends, NULL where it is not plain or there already."""
    cdef const char* name = at + 1
    cdef Py_ssize_t length
    cdef int which
    at = _string(at)
    if at == NULL:
        return NULL
    length = at - name - 1
    if length == 6 and memcmp(name, b"symbol", 6) == 0:
        which = SYMBOL
    elif length == 5 and memcmp(name, b"price", 5) == 0:
        which = PRICE
    elif length == 4 and memcmp(name, b"size", 4) == 0:
        which = SIZE
    elif length == 4 and memcmp(name, b"time", 4) == 0:
        which = TIME
    else:
        return NULL
    at = _blanks(at)
    if field.seen & which or at[0] != b":":
        return NULL
    field.seen |= which
    at = _blanks(at + 1)
    if which == SYMBOL:
        field.symbol = at + 1
        at = _string(at)
        field.length = at - field.symbol - 1
        return at
    if which == PRICE:
        return _text_or_number(at, &field.price)
    if which == TIME:
        return _integer(at, &field.time.whole)
    if b"0" <= at[0] <= b"9":
        return _number(at, &field.size)
    if strncmp(at, b"null", 4) == 0:
        return at + 4
    # None is negative.
    return _text_or_number(at, &field.size) if at[0] == b'"' and at[1] != b"-" else NULL


cdef inline const char* _text_or_number(const char* at, Number* number) noexcept nogil:
    if at[0] != b'"':
        return _number(at, number)
    at = _number(at + 1, number)
    return at + 1 if at != NULL and at[0] == b'"' else NULL


cdef const char* _blanks(const char* at) noexcept nogil:
    while at[0] == b" " or at[0] == b"\n" or at[0] == b"\t" or at[0] == b"\r":
        at += 1
    return at


cdef const char* _string(const char* at) noexcept nogil:
    """Give where a string of plain ASCII ends."""
    if at[0] != b'"':
        return NULL
    at += 1
    # As signed bytes, those of other characters are below a blank too.
    while at[0] != b'"':
        if <signed char> at[0] < 0x20 or at[0] == b"\\":
            return NULL
        at += 1
    return at + 1


cdef const char* _digits(const char* at, unsigned long long* number) noexcept nogil:
    """Read digits on to `number`; give where they end. It is wrong after more than MOST_DIGITS."""
    while b"0" <= at[0] <= b"9":
        number[0] = number[0] * 10 + (at[0] - c"0")
        at += 1
    return at


cdef const char* _integer(const char* at, long long* number) noexcept nogil:
    cdef const char* begin = at
    cdef unsigned long long digits = 0
    if at[0] == b"0" and b"0" <= at[1] <= b"9":
        return NULL
    at = _digits(at, &digits)
    if at == begin or at - begin > MOST_DIGITS:
        return NULL
    # With a fraction or an exponent, what follows is not what may follow.
    number[0] = <long long> digits
    return at


cdef const char* _number(const char* at, Number* number) noexcept nogil:
    """Read a number: the quotient of two that are exact is the nearest float there is."""
    cdef unsigned long long digits
    cdef const char* point
    cdef Py_ssize_t places = 0
    cdef bint negative = at[0] == b"-"
    if negative:
        at += 1
    cdef const char* begin = at
    at = _integer(at, &number.whole)
    if at == NULL:
        return NULL
    digits = <unsigned long long> number.whole
    number.is_whole = at[0] != b"." and not negative
    if at[0] == b".":
        point = at + 1
        at = _digits(point, &digits)
        places = at - point
        if places == 0 or at - begin > MOST_DIGITS:
            return NULL
    if digits > EXACT or places > EXACT_POWER:
        return NULL
    # Most sizes are whole, and a division is much.
    number.real = <double> digits / POWERS[places] if places else <double> digits
    # A whole 0 has no sign.
    if negative and (digits or places):
        number.real = -number.real
    return at


# -- folding

cdef struct Run:
    # Trades of one key and pane, among them by index `first` and `last` in time, and the last to
    # arrive; the first to arrive is the one that began it.
    long long start
    long long count
    #: The volume is `amount` where it is `fractional`.
    long long volume
    double amount
    bint fractional
    double high
    double low
    double notional
    double total
    Py_ssize_t first
    Py_ssize_t last
    Py_ssize_t begun
    Py_ssize_t newest
    #: Of the same key: the next to begin, -1 where there is none.
    Py_ssize_t next
    int group


cdef class _Runs:
    """Runs in the order in which they begin; for each key its first and its newest."""

    cdef Run* runs
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef Py_ssize_t* oldest
    cdef Py_ssize_t* newest
    #: Of each run its pane, or None if there is none yet.
    cdef list panes
    #: Trades behind others by a pane or more: the run, and where the latest pane began then (ms).
    cdef list corrections

    def __cinit__(self, Py_ssize_t keys):
        cdef Py_ssize_t i
        self.count = 0
        self.panes = []
        self.corrections = []
        self.room = keys + 16
        self.runs = <Run*> PyMem_Malloc(self.room * sizeof(Run))
        self.oldest = <Py_ssize_t*> PyMem_Malloc((keys + 1) * sizeof(Py_ssize_t))
        self.newest = <Py_ssize_t*> PyMem_Malloc((keys + 1) * sizeof(Py_ssize_t))
        if not (self.runs and self.oldest and self.newest):
            raise MemoryError
        for i in range(keys):
            self.oldest[i] = self.newest[i] = -1

    def __dealloc__(self):
        PyMem_Free(self.runs)
        PyMem_Free(self.oldest)
        PyMem_Free(self.newest)

    cdef Py_ssize_t find(self, int group, long long start) noexcept:
        """Give the run of a key that starts there, -1 if none does: mostly it is the newest."""
        cdef Py_ssize_t at = self.newest[group]
        if at < 0 or self.runs[at].start == start:
            return at
        at = self.oldest[group]
        while at >= 0 and self.runs[at].start != start:
            at = self.runs[at].next
        return at

    cdef Run* begin(self, int group, long long start) except NULL:
        """Begin the next run of a key."""
        cdef Py_ssize_t at = self.count
        cdef void* moved
        if at == self.room:
            moved = PyMem_Realloc(self.runs, 2 * self.room * sizeof(Run))
            if moved == NULL:
                raise MemoryError
            self.runs, self.room = <Run*> moved, 2 * self.room
        cdef Run* run = &self.runs[at]
        run.start, run.group, run.next = start, group, -1
        run.count = run.volume = 0
        run.fractional = False
        if self.oldest[group] < 0:
            self.oldest[group] = at
        else:
            self.runs[self.newest[group]].next = at
        self.newest[group] = at
        self.count = at + 1
        return run


def fold(
    Trades trades,
    dict panes,
    long long length,
    long long origin,
    long long clock,
    long long grace,
    long long finalised,
    new_pane,
    list dirty,
    list behind,
    list late,
    bint by_key,
):
    """Fold trades into panes of `length` ms from `origin` on, a multiple of which they start at.

    `panes` are those there are, by key and start; `new_pane(key, start)` makes one. Panes that
    were not `dirty` get to the list of those that are: key by key with `by_key`, for trades in
    order, else in the order in which their first trade came. `clock` is the latest time before
    (ms). To `behind` goes how far each was behind the latest time (ms), if it was; to `late` the
    index, and that time, of those that were so by more than `grace`, or are before `finalised`
    (ms), which are in no pane. Says whether it was done; nothing is changed if not, but for those
    two lists.
    """
    cdef _Runs runs = _gathered(trades, panes, length, origin, clock, grace, finalised, behind, late)
    cdef Py_ssize_t at, group
    if runs is None:
        return False
    if by_key:
        for group in range(len(trades.keys)):
            at = runs.oldest[group]
            while at >= 0:
                _apply(trades, &runs.runs[at], runs.panes, at, new_pane, dirty)
                at = runs.runs[at].next
    else:
        for at in range(runs.count):
            _apply(trades, &runs.runs[at], runs.panes, at, new_pane, dirty)
    for at, start in runs.corrections:
        runs.panes[at].correct(start)
    return True


cdef _Runs _gathered(
    Trades trades,
    dict panes,
    long long length,
    long long origin,
    long long clock,
    long long grace,
    long long finalised,
    list behind,
    list late,
):
    """Sum up what gets into each pane, to what is in it; None where that is not quite plain."""
    cdef _Runs runs = _Runs(len(trades.keys))
    cdef Run* run
    cdef Py_ssize_t i, at
    cdef int group
    cdef long long time, start, reached
    cdef double price, amount
    cdef const double* fractions = trades.fractions
    if trades.earliest < origin:
        return None
    # Where the pane of the latest time begins; of none yet, before all.
    reached = clock - (clock - origin) % length if clock >= origin else origin
    for i in range(trades.count):
        group, time, price = trades.groups[i], trades.times[i], trades.prices[i]
        if time >= clock:
            clock = time
            if time >= reached + length:
                reached = time - (time - origin) % length
            start = reached
        else:
            behind.append(clock - time)
            if time < clock - grace or time < finalised:
                late.append((i, clock))
                continue
            start = time - (time - origin) % length
        at = runs.find(group, start)
        if at >= 0:
            run = &runs.runs[at]
        else:
            at = runs.count
            run = runs.begin(group, start)
            run.first = run.last = run.begun = i
            if not _continue(run, runs, panes.get(trades.keys[group])):
                return None
        if start < reached:
            runs.corrections.append((at, reached))
        # As Ohlc.add does, trade by trade: sums of floats depend on their order.
        if price > run.high:
            run.high = price
        if price < run.low:
            run.low = price
        if _is_fraction(fractions, i):
            amount = fractions[i]
            run.amount = (run.amount if run.fractional else <double> run.volume) + amount
            run.fractional = True
        else:
            amount = <double> trades.sizes[i]
            if run.fractional:
                run.amount += amount
            else:
                run.volume += trades.sizes[i]
        run.notional += price * amount
        run.total += price
        run.count += 1
        run.newest = i
        if time >= trades.times[run.last]:
            run.last = i
        elif time < trades.times[run.first]:
            run.first = i
    return runs


cdef bint _continue(Run* run, _Runs runs, dict panes) except -1:
    """Take what is in the pane of a run already."""
    cdef Pane pane = None if panes is None else panes.get(run.start)
    runs.panes.append(pane)
    if pane is None:
        run.high, run.low = -INFINITY, INFINITY
        run.notional = run.total = 0.0
        return True
    if not pane.settle() or not -LARGEST_SUM < pane.volume < LARGEST_SUM:
        return False
    run.volume, run.amount, run.fractional = pane.volume, pane.amount, pane.fractional
    run.high, run.low, run.notional, run.total = pane.high, pane.low, pane.notional, pane.total
    return True


cdef int _apply(
    Trades trades, Run* run, list panes, Py_ssize_t at, new_pane, list dirty
) except -1:
    """Put what was summed up into its pane, the one at `at`."""
    cdef Py_ssize_t first = run.first, last = run.last
    cdef Pane pane = panes[at]
    cdef long long time, offset
    if pane is None:
        pane = panes[at] = new_pane(trades.keys[run.group], run.start)
    pane.high, pane.low = run.high, run.low
    pane.notional, pane.total = run.notional, run.total
    pane.volume, pane.amount, pane.fractional = run.volume, run.amount, run.fractional
    time, offset = trades.times[last], trades.offsets[last]
    if time > pane.close_time or (time == pane.close_time and offset > pane.close_offset):
        pane.close_time, pane.close_offset = time, offset
        pane.close = trades.prices[last]
    time, offset = trades.times[first], trades.offsets[first]
    if time < pane.open_time or (time == pane.open_time and offset < pane.open_offset):
        pane.open_time, pane.open_offset = time, offset
        pane.open = trades.prices[first]
    if pane.count == 0:
        pane.first_offset = trades.offsets[run.begun]
    pane.count += run.count
    pane.last_offset = trades.offsets[run.newest]
    if not pane.dirty:
        pane.dirty = True
        dirty.append(pane)
    return 0
