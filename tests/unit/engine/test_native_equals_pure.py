"""The native extension and the pure-Python fallback write the same bytes for the same input."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive, NewTable, PartitionDriver, using
from plans import MINUTE, run_plan
from raw_records import BAD, GOOD, NOON, Raw, raw_tick
from window_checks import SCENARIOS, SCENARIOS_IN_ORDER, Scenario, declare_table

from app.market.records import Tick
from app.market.topics import CANDLES, TICKS
from app.worker import TickApp
from eventfold.aggregates import Ohlc, OhlcState
from eventfold.engine.batch import Decoder
from eventfold.engine.clock import SystemClock
from eventfold.engine.errors import TaskError
from eventfold.engine.native_candles import pane_maker
from eventfold.engine.rows import encode_row, row_key
from eventfold.native import extension
from eventfold.records import EARLIEST, LATEST
from eventfold.records.candles import candle
from eventfold.records.reading import reader
from eventfold.settings import Settings
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import WindowResult

NATIVE: Any = extension()

pytestmark = pytest.mark.skipif(NATIVE is None, reason="not installed: make native")

HOUR = 3_600_000

#: Integers on both sides of each form that MessagePack has for them, and floats of all kinds.
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-70_000, 70_000) | st.integers(-129, 300)
FLOATS = st.floats(allow_nan=False)


# -- whole partitions


@settings(max_examples=60)
@given(SCENARIOS | SCENARIOS_IN_ORDER)
def test_a_partition_writes_the_same_bytes(
    application: TickApp, new_table: NewTable, drive: Drive, scenario: Scenario
) -> None:
    """Rows, results and late ticks, in the same order, with crashes and any prices."""
    scenario = scenario._replace(raw=[_uneven(record) for record in scenario.raw])
    table = declare_table(new_table, scenario.definition)
    written = []
    for native in (True, False):
        with using(application, native=native), drive(table, scenario.raw) as driver:
            run_plan(driver, scenario.plan)
            written.append((driver.changelog, _outputs(driver)))
    assert written[0] == written[1]


@pytest.mark.parametrize(
    "record", [candle, lambda result: None if result.final else candle(result)]
)
@pytest.mark.parametrize("behind", [0, 20, 900])
def test_many_keys_in_many_panes_write_the_same_bytes(
    application: TickApp, new_table: NewTable, drive: Drive, record: Any, behind: int
) -> None:
    """As many as a catch-up reads: runs of panes, long final windows, any record function.

    In order, or some behind others: within a pane, across panes, too late.
    """
    raw = [
        raw_tick(
            n,
            Tick(
                f"S{n * n % 37}",
                1 + n * 0.37 % 11,
                NOON + n * 150 - n * n % 101 * behind,
                n % 7 / 3 if n % 1_000 == 999 else n % 7,
            ),
        )
        for n in range(12_000)
    ]
    table = new_table("5m/1m,2m/30s", MINUTE, record=record)
    written = []
    for native in (True, False):
        with using(application, native=native), drive(table, raw) as driver:
            while driver.folded < len(raw):
                driver.fold(2_500)
                driver.checkpoint()
            driver.settle()
            written.append((driver.changelog, _outputs(driver)))
    assert written[0] == written[1]
    assert len(written[0][1][CANDLES.base_name]) > 1_000


#: Sizes whose sums pass, one step after the other, what 62 bits, 63 bits and a row can hold.
LARGE = [2**61, 2**61 - 2, 1, 1, 1, 2**62 - 2, 1, 1, 1, 2**62, 2**62 - 3, 1, 1, 1, 5]


@pytest.mark.parametrize("batch", [1, 2, 3, len(LARGE)])
@pytest.mark.parametrize("skipped", range(4))
def test_sums_at_the_limits_of_integers_write_the_same_bytes(
    application: TickApp, new_table: NewTable, drive: Drive, batch: int, skipped: int
) -> None:
    """In one batch or many, and after a restart: the same sum, or the same dead letter."""
    sizes = LARGE[skipped:] + LARGE[:skipped]
    raw = [raw_tick(n, Tick("A", 1.0, NOON + n, size)) for n, size in enumerate(sizes)]
    table = new_table("1m", 0)
    written = []
    for native in (True, False):
        with using(application, native=native), drive(table, raw) as driver:
            while driver.folded < len(raw):
                driver.fold(batch)
                driver.checkpoint()
                if driver.folded == 6:
                    driver.crash(store="lost")
            driver.settle()
            written.append((driver.changelog, _outputs(driver)))
    assert written[0] == written[1]


@pytest.mark.parametrize("behind", [0, 40_000])
def test_ticks_are_folded_by_the_extension_not_by_python(
    application: TickApp, new_table: NewTable, drive: Drive, behind: int
) -> None:
    """Ticks never become objects; else these tests would compare Python with itself.

    Whether or not some are behind others, in the same pane or before it.
    """
    raw = [
        raw_tick(n, Tick("AB"[n % 2], 1.1, NOON + n * 1_000 - n % 3 * behind // 2, 1))
        for n in range(300)
    ]
    with using(application, native=True), drive(new_table("5m/1m", MINUTE), raw) as driver:
        decoded = driver.task.decoder.decode(raw)
        driver.state._fold(decoded, 0)
        assert (
            sum(
                pane.count
                for panes in driver.state.windows.panes.by_start.values()
                for pane in panes
            )
            == 300
        )
        assert "records" not in vars(type(decoded)) | vars(decoded)
        with pytest.raises(AttributeError):
            object.__getattribute__(decoded, "records")
        driver.settle()


def test_an_error_of_a_record_function_has_the_same_message(
    application: TickApp, new_table: NewTable, drive: Drive
) -> None:
    """It names the window and the key."""
    messages = []
    for native in (True, False):
        table = new_table("5m/1m", 0, record=_raises_for_three)
        raw = [raw_tick(n, Tick("A", 1.5 + n, NOON + n * MINUTE, 1)) for n in range(4)]
        with using(application, native=native), drive(table, raw) as driver:
            driver.fold_rest()
            with pytest.raises(TaskError) as caught:
                driver.snapshot()
            messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "of key 'A'" in messages[0]


def _raises_for_three(result: WindowResult) -> Any:
    if result.count == 3:
        raise ValueError("three")
    return candle(result)


def _uneven(record: Raw) -> Raw:
    """Make a tick whose sums depend on their order; some are negative, fractions, or text."""
    if record.value == b"?":
        return record
    tick = msgspec.json.decode(record.value or b"", type=Tick)
    at = record.offset
    price = (tick.price * 1.1 + at / 7) * (-1 if at % 3 == 2 else 1)
    size = tick.size + at / 11 if at % 5 == 4 else tick.size
    uneven: dict[str, Any] = {"symbol": tick.symbol, "price": price, "time": tick.time}
    if at % 7:
        uneven["size"] = None if at % 7 == 1 else size
    if at % 4 == 3:
        uneven |= {"price": str(price), "size": str(size)}
    return record._replace(value=msgspec.json.encode(uneven))


def _outputs(driver: PartitionDriver) -> dict[str, list[Any]]:
    """Return all outputs, without the time at which dead letters were written."""
    outputs: dict[str, list[Any]] = dict(driver.outputs)
    letters = outputs.pop(DEAD_LETTERS.base_name, [])
    dead = [msgspec.json.decode(letter.record[1]) | {"time": 0} for letter in letters]
    return outputs | {DEAD_LETTERS.base_name: dead}


# -- reading


def _numbers() -> Iterator[st.SearchStrategy[str]]:
    yield st.floats(allow_nan=False, allow_infinity=False).map(repr)
    yield st.decimals(0, 10**13, allow_nan=False, places=4).map(str)
    yield st.integers(-3, 10**20).map(str)
    yield st.sampled_from(["null", "-0", "-0.0", "0.0", "nul", "true", "NaN", "+1", " 1 ", ".5"])
    yield st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{0,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    yield st.one_of(*islice(_numbers(), 5)).map(lambda number: f'"{number}"')


@settings(max_examples=400)
@given(st.one_of(*_numbers()), st.one_of(*_numbers()), st.sampled_from(["", " ", "\n\t"]))
def test_numbers_are_read_as_the_complete_parser_reads_them(
    price: str, size: str, blank: str
) -> None:
    """In any form: the same float, or the record is left to the parser."""
    text = (
        f'{blank}{{"time":{blank}{NOON},"symbol":"A"{blank},"price":{price},"size":{size}}}{blank}'
    )
    trades = _read(text)
    if trades is not None:
        tick = reader(Tick)(text.encode())
        # 0 is not -0.0, nor is 1 1.0: rows distinguish them.
        assert repr(trades.numbers()) == repr(([tick.price], [tick.size]))
        assert trades.columns() == ([b"A"], [tick.time], [7])


@pytest.mark.parametrize(
    "price", ["1", "0.1", "150.1234", "999999999999.25", "0", "-37.63", "5e-324"]
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_prices_without_an_exponent_are_read_natively(price: str, quote: str) -> None:
    """The others are left to the parser."""
    read = _read(f'{{"symbol":"A","price":{quote}{price}{quote},"time":{NOON}}}')
    assert (read is None) == ("e" in price)
    assert read is None or read.numbers() == ([float(price)], [0])


@pytest.mark.parametrize(
    ("text", "size"),
    [("3", 3), ("0.001", 0.001), ("null", 0), ('"3"', 3), ('"0.00100000"', 0.001), ("2.0", 2.0)],
)
def test_sizes_are_read_natively(text: str, size: float) -> None:
    """Integers as such, fractions as floats."""
    read = _read(f'{{"symbol":"A","price":1.5,"time":{NOON},"size":{text}}}')
    assert repr(read.numbers()) == repr(([1.5], [size]))


@given(st.binary(max_size=20), st.integers(0, 80), st.integers(0, 80))
def test_damaged_values_are_left_to_the_parser(damage: bytes, begin: int, end: int) -> None:
    """Whatever the extension reads of them, the parser reads too."""
    good = b'{"symbol":"A","price":1.25,"time":%d,"size":3}' % NOON
    value = good[:begin] + damage + good[end:]
    trades = NATIVE.trades.read([Raw(7, NOON, b"A", value)], EARLIEST, LATEST, HOUR, 65_535)
    if trades is not None:
        tick = reader(Tick)(value)
        assert trades.numbers() == ([tick.price], [tick.size])


@pytest.mark.parametrize("kind", GOOD | BAD)
def test_a_record_is_decoded_as_by_the_fallback_or_left_to_it(kind: str) -> None:
    """Every valid form of a tick, and every invalid one."""
    tick = Tick("A", 12.0, NOON, 3)
    key, value = GOOD[kind](tick) if kind in GOOD else BAD[kind][0](tick)
    raw = [Raw(7, NOON, key, value)]
    pure = Decoder(TICKS.of(Settings()), 0, HOUR, SystemClock()).decode(raw)
    decoded = Decoder(TICKS.of(Settings()), 0, HOUR, SystemClock(), NATIVE).decode(raw)
    assert (decoded.keys, decoded.times, decoded.offsets, decoded.records) == (
        *(pure.keys, pure.times, pure.offsets),
        pure.records,
    )
    assert [letter.error for letter in decoded.bad] == [letter.error for letter in pure.bad]


def _read(text: str) -> Any:
    raw = [Raw(7, NOON, b"A", text.encode())]
    return NATIVE.trades.read(raw, EARLIEST, LATEST, HOUR, 65_535)


# -- writing

STATES = st.builds(
    OhlcState,
    *([INTEGERS] * 2),
    *([FLOATS] * 3),
    *([INTEGERS] * 2),
    FLOATS,
    INTEGERS | FLOATS,
    FLOATS,
    FLOATS,
)


@given(
    st.binary(max_size=300),
    st.integers(0, 2**60),
    st.tuples(INTEGERS, INTEGERS, INTEGERS),
    st.none() | st.dictionaries(INTEGERS, INTEGERS, max_size=15),
    STATES,
)
def test_rows_are_the_same_bytes(
    key: bytes,
    start: int,
    evidence: tuple[int, int, int],
    corrections: dict[int, int] | None,
    state: OhlcState,
) -> None:
    """With any numbers, and again after Python has read the state."""
    pane = _pane(key, start, state, *evidence, corrections)
    value = encode_row(Ohlc.version, *evidence, corrections, state)
    rows = [(row_key(key, start), value)]
    assert NATIVE.rows.encode([pane], Ohlc.version, _row_of_no_pane) == rows
    assert pane.state == state
    assert NATIVE.rows.encode([pane], Ohlc.version, _row_of_no_pane) == rows


def test_changes_that_python_makes_to_a_state_are_in_the_row() -> None:
    """Python changes the object that it gets; then the extension has the new numbers."""
    pane = _pane(b"A", 0, None)
    NATIVE.rows.encode([pane], Ohlc.version, _row_of_no_pane)
    Ohlc().add(pane.state, Tick("A", 2.5, NOON, 4), NOON, 7)
    ((_, value),) = NATIVE.rows.encode([pane], Ohlc.version, _row_of_no_pane)
    state = OhlcState()
    Ohlc().add(state, Tick("A", 2.5, NOON, 4), NOON, 7)
    assert value == encode_row(Ohlc.version, 0, -1, -1, None, state)


def test_rows_that_are_not_plain_are_left_to_the_fallback() -> None:
    """With many corrections, with integers in place of floats, or with huge ones."""
    corrected = _pane(b"A", 0, OhlcState(), 0, -1, -1, dict.fromkeys(range(16), 1))
    huge, whole = (_pane(b"B", 0, state) for state in (OhlcState(volume=2**63), OhlcState(high=3)))
    plain = _pane(b"C", 0, OhlcState())
    panes = [corrected, huge, whole, plain]
    encoded = NATIVE.rows.encode(panes, Ohlc.version, lambda pane: pane)
    assert encoded[:3] == panes[:3]
    assert encoded[3][0] == row_key(b"C", 0)
    assert (huge.state.volume, repr(whole.state.high)) == (2**63, "3")


def _pane(*fields: Any) -> Any:
    return pane_maker(NATIVE)(*fields)


def _row_of_no_pane(pane: Any) -> Any:
    raise AssertionError(f"{pane} is plain")
