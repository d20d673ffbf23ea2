"""Durations: what people write, and what we write back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.windows import DefinitionError, format_duration, milliseconds, parse_duration
from eventfold.windows.durations import UNITS, approximate_duration


@given(st.integers(0, 10**13))
def test_a_duration_survives_being_written_and_read(ms: int) -> None:
    """Reading what was written gives the same milliseconds."""
    assert parse_duration(format_duration(ms)) == ms


@given(st.integers(1, 10**12), st.sampled_from(sorted(UNITS)))
def test_no_spelling_is_shorter(number: int, unit: str) -> None:
    """Whatever spelling is read, the one written back is at most as long."""
    text = f"{number}{unit}"
    assert len(format_duration(parse_duration(text))) <= len(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("4h", 14_400_000),
        (" 8d\n", 691_200_000),
    ],
)
def test_each_unit_is_read(text: str, ms: int) -> None:
    """A whole number and one unit; blanks around it don't matter."""
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "5x", "5 m", "-5m", "1.5h", "1h30m", "5M", "5m,", "0x5m", "1e3s", "\u0665m"],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    """The error quotes what was written."""
    with pytest.raises(ValueError, match="is not a duration") as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


@given(st.integers(0, 10**13))
def test_milliseconds_may_be_a_number_or_a_text(ms: int) -> None:
    """A number is taken as it is."""
    assert milliseconds(ms) == milliseconds(format_duration(ms)) == ms


@pytest.mark.parametrize("value", [-1, 1.0, True, None, "5", "-5m", b"5m"])
def test_what_is_no_duration_is_refused(value: object) -> None:
    """Neither fractions nor negative ones; the error shows the value."""
    with pytest.raises(DefinitionError):
        milliseconds(value)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0ms"),
        (1, "1ms"),
        (851, "851ms"),
        (999, "999ms"),
        (1_000, "1s"),
        (1_001, "1.1s"),
        (4_160, "4.2s"),
        (59_910, "1m"),
        (75_000, "1.3m"),
        (300_000, "5m"),
        (86_399_999, "1d"),
        (8 * 86_400_000, "8d"),
    ],
)
def test_for_reading_a_duration_is_rounded_up_to_a_tenth_of_its_unit(ms: int, text: str) -> None:
    """Never down, and to the next unit where it comes to a whole one."""
    assert approximate_duration(ms) == text
