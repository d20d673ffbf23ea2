"""Format of rows: they are read back as written, and unreadable ones are named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partition_driver import Drive, NewTable
from plans import MINUTE
from raw_records import NOON, raw_tick

from app.market.records import Tick
from eventfold.aggregates import Ohlc
from eventfold.engine.errors import TaskError
from eventfold.engine.rows import (
    META,
    Meta,
    RowDecoder,
    UnreadableRowError,
    decode_meta,
    encode_meta,
    encode_row,
    prefix,
    row_key,
    split_row_key,
)

STARTS = st.integers(0, 2**63 - 1)


@given(st.binary(max_size=20), STARTS)
def test_key_and_start_are_read_back_from_a_row_key(key: bytes, start: int) -> None:
    """With any bytes in the key."""
    assert split_row_key(row_key(key, start)) == (key, start)


@given(st.binary(max_size=4), STARTS, st.binary(max_size=4), STARTS)
def test_rows_of_a_key_are_adjacent_and_in_time_order(
    key: bytes, start: int, other: bytes, other_start: int
) -> None:
    """No other key's rows are among them."""
    one, two = row_key(key, start), row_key(other, other_start)
    if key == other:
        assert (one < two) == (start < other_start)
    else:
        assert not two.startswith(prefix(key))
        assert (one < two) == (prefix(key) < prefix(other))


@given(st.binary(max_size=20) | st.just(b"m" * 0x5F5F), STARTS)
def test_no_row_key_equals_that_of_the_meta_row(key: bytes, start: int) -> None:
    """The meta row's key has a form of its own."""
    assert row_key(key, start) != META


@given(
    st.builds(
        Meta,
        layout=st.text(max_size=5),
        positions=st.dictionaries(st.text(max_size=5), st.integers(0, 2**60), max_size=2),
        stream_time=st.integers(-1, 2**60),
        finalised=st.integers(0, 2**60),
        published=st.integers(0, 2**60),
    )
)
def test_a_meta_row_is_read_back_as_written(meta: Meta) -> None:
    """As JSON, which people can read; fields of a newer version are ignored."""
    raw = encode_meta(meta)
    assert decode_meta(raw) == meta
    assert decode_meta(raw[:-1] + (b"," if raw != b"{}" else b"") + b'"later":1}') == meta


def test_a_row_is_read_back_as_written() -> None:
    """All fields but the version, typed."""
    read = RowDecoder("candles", 3, [int, dict[int, int] | None])
    assert read(b"row", encode_row(3, 7, {60_000: 2})) == (7, {60_000: 2})


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (encode_row(2, 7, None), "written as version 2, this code reads version 3; rebuild"),
        (encode_row(3, "7", None), "Expected `int`, got `str`"),
        (encode_row(3, 7), "Expected `array` of length 3"),
        (b"", "truncated"),
        (b"\xff", "Expected `array`"),
    ],
)
def test_an_unreadable_row_is_named_by_table_and_key(row: bytes, problem: str) -> None:
    """The worker stops with one line, not with a traceback."""
    read = RowDecoder("candles", 3, [int, dict[int, int] | None])
    with pytest.raises(UnreadableRowError) as caught:
        read(row_key(b"ACME", 1), row)
    assert str(caught.value).startswith(f"table candles, row {row_key(b'ACME', 1)!r}: ")
    assert problem in str(caught.value)


def test_an_unreadable_meta_row_is_named_with_its_content() -> None:
    """The reason is in the message too."""
    with pytest.raises(UnreadableRowError, match=r"meta row b'\[1\]': Expected `object`"):
        decode_meta(b"[1]")


class Version2(Ohlc):
    """Open, high, low, close of another shape."""

    version = 2


def test_rows_of_another_layout_are_rejected(new_table: NewTable, drive: Drive) -> None:
    """Such as another version of the aggregate: the message names both and the remedy."""
    with drive(new_table("1m", 0), [raw_tick(0, Tick("A", 1.0, NOON))]) as driver:
        driver.settle()
        table = new_table("1m", 0, aggregate=Version2())
        state = table.new_state(0, driver.state.store, reports_decode_errors=True)
        with pytest.raises(UnreadableRowError) as caught:
            state.load()
        layouts = "Ohlc 1, panes of 1m", "Version2 2, panes of 1m"
        for part in (table.name, *layouts, "another TICKSTREAM_APP_ID"):
            assert part in str(caught.value)


@pytest.mark.parametrize("windows", ["30s", "1m,3m"])
def test_state_of_other_windows_is_rejected(
    new_table: NewTable, drive: Drive, windows: str
) -> None:
    """With other panes or the same ones: some windows would never become final."""
    with drive(new_table("1m", 0, 60 * MINUTE), [raw_tick(0, Tick("A", 1.0, NOON))]) as driver:
        driver.settle()
        table = new_table(windows, 0, 60 * MINUTE)
        state = table.new_state(0, driver.state.store, reports_decode_errors=True)
        with pytest.raises(TaskError) as caught:
            state.load()
        for part in (table.name, "windows 1m", f"are {windows}", "another TICKSTREAM_APP_ID"):
            assert part in str(caught.value)
