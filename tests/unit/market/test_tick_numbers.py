"""Prices and sizes of ticks in every form that producers write: read, or dead letters."""

import re
from typing import Any

import pytest

from app.market.records import Tick
from app.market.topics import TICKS
from eventfold.engine.batch import Decoder
from eventfold.engine.clock import SystemClock
from eventfold.engine.decoded import Decoded
from eventfold.native import extension
from eventfold.settings import Settings
from tests.unit.engine.raw_records import NOON, Raw

HOUR = 3_600_000


@pytest.fixture(params=["pure", "native"])
def native(request: pytest.FixtureRequest) -> Any:
    """Return the extension, or None for the pure-Python reader."""
    if request.param == "native" and extension() is None:
        pytest.skip("the native extension is not installed: make native")
    return extension() if request.param == "native" else None


def read(native: Any, price: str, size: str | None) -> Decoded:
    """Decode a tick with this text as its numbers; without a size if None."""
    end = "" if size is None else f',"size":{size}'
    value = f'{{"symbol":"A","price":{price},"time":{NOON}{end}}}'
    decoder = Decoder(TICKS.of(Settings()), 0, HOUR, SystemClock(), native)
    return decoder.decode([Raw(7, NOON, b"A", value.encode())])


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("1", 1.0),
        ("0", 0.0),
        ("-0", 0.0),
        ("-0.0", -0.0),
        ("-37.63", -37.63),
        ("1e-7", 1e-07),
        ("1E+3", 1000.0),
        ("2e12", 2e12),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("5e-324", 5e-324),
        ("100000000000000000000", 1e20),
        ("0.1000000000000000055511151231257827", 0.1),
        ('"1.5"', 1.5),
        ('"0.00001234"', 0.00001234),
        ('"-37.63"', -37.63),
        ('"1e-7"', 1e-07),
        ('"0"', 0.0),
        ('"-0"', 0.0),
        ('"-0.00"', -0.0),
        ('"123456789012345678901234567890"', 1.2345678901234568e29),
        ('"\\u0031.5"', 1.5),
    ],
)
def test_a_price_is_any_finite_number(native: Any, text: str, price: float) -> None:
    """As a JSON number or as text that is written like one; the same float, to the sign of 0."""
    decoded = read(native, text, "3")
    assert repr(decoded.records) == repr([Tick("A", price, NOON, 3)])
    assert decoded.bad == []


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, 0),
        ("null", 0),
        ("0", 0),
        ("-0", 0),
        ("3", 3),
        ("3.0", 3.0),
        ("0.001", 0.001),
        ("1e3", 1000.0),
        ("9007199254740993", 9007199254740993),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", 9223372036854775808.0),
        ("100000000000000000000", 1e20),
        ("1e300", 1e300),
        ('"3"', 3),
        ('"3.0"', 3.0),
        ('"0.00100000"', 0.001),
        ('"1e3"', 1000.0),
        ('"9007199254740993"', 9007199254740993),
        ('"100000000000000000000"', 1e20),
    ],
)
def test_a_size_is_any_number_from_0_on(native: Any, text: str | None, size: float) -> None:
    """Integers stay integers, to the last digit; no size is 0."""
    decoded = read(native, "1.5", text)
    assert repr(decoded.records) == repr([Tick("A", 1.5, NOON, size)])
    assert decoded.bad == []


#: Values that are a number in neither field, and the reason in the dead letter.
NO_NUMBERS = [
    ('"NaN"', "'NaN' is no finite number"),
    ('"nan"', "'nan' is no finite number"),
    ('"Infinity"', "'Infinity' is no finite number"),
    ('"-inf"', "'-inf' is no finite number"),
    ('"1e999"', "is no number"),
    ('"+1"', "'+1' is no number"),
    ('" 1"', "' 1' is no number"),
    ('"1 "', "'1 ' is no number"),
    ('"01"', "'01' is no number"),
    ('"1."', "'1.' is no number"),
    ('".5"', "'.5' is no number"),
    ('"1_000"', "'1_000' is no number"),
    ('"1,5"', "'1,5' is no number"),
    ('"0x10"', "'0x10' is no number"),
    ('""', "'' is no number"),
    ('"null"', "'null' is no number"),
    ("true", "got `bool`"),
    ("[1]", "got `array`"),
    ("1e999", "out of range"),
    ("1" + "0" * 400, "out of range"),
]


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        *(("price", *row) for row in NO_NUMBERS),
        *(("size", *row) for row in NO_NUMBERS),
        ("price", "null", "got `null`"),
        ("size", "-1", ">= 0"),
        ("size", "-0.5", ">= 0"),
        ("size", '"-1"', ">= 0"),
        ("size", "1e301", "<= 1e+300"),
    ],
)
def test_non_number_is_a_dead_letter_that_names_the_field(
    native: Any, field: str, text: str, reason: str
) -> None:
    """The reason quotes the value."""
    decoded = read(native, text, "3") if field == "price" else read(native, "1.5", text)
    assert decoded.records == []
    (letter,) = decoded.bad
    assert reason in letter.error
    assert letter.error.endswith(f"- at `$.{field}`")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "+1", "01", ".5", "1."])
def test_number_that_is_not_json_is_a_dead_letter(native: Any, text: str) -> None:
    """Some producers write NaN and Infinity."""
    for decoded in (read(native, text, "3"), read(native, "1.5", text)):
        assert decoded.records == []
        assert re.search("malformed", decoded.bad[0].error)


def test_time_as_text_is_a_dead_letter(native: Any) -> None:
    """Only prices and sizes may be text."""
    value = b'{"symbol":"A","price":"1.5","time":"%d"}' % NOON
    decoder = Decoder(TICKS.of(Settings()), 0, HOUR, SystemClock(), native)
    (letter,) = decoder.decode([Raw(7, NOON, b"A", value)]).bad
    assert letter.error.endswith("Expected `int`, got `str` - at `$.time`")
