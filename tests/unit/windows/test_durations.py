"""Durations: parsing, formatting and rounding; and times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.windows import DefinitionError, format_duration, milliseconds, parse_duration
from eventfold.windows.durations import UNITS, approximate_duration, parse_time


@given(st.integers(0, 10**13))
def test_formatted_duration_parses_to_the_same_milliseconds(ms: int) -> None:
    """Formatting loses nothing."""
    assert parse_duration(format_duration(ms)) == ms


@given(st.integers(1, 10**12), st.sampled_from(sorted(UNITS)))
def test_formatted_duration_is_the_shortest_spelling(number: int, unit: str) -> None:
    """The formatted text is at most as long as the parsed one."""
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
def test_each_unit_is_parsed(text: str, ms: int) -> None:
    """A whole number and one unit; blanks around it don't matter."""
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "5x", "5 m", "-5m", "1.5h", "1h30m", "5M", "5m,", "0x5m", "1e3s", "\u0665m"],
)
def test_malformed_duration_is_quoted_in_the_error(text: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ValueError, match="is not a duration") as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


@given(st.integers(0, 10**13))
def test_milliseconds_accepts_a_number_or_a_text(ms: int) -> None:
    """A number is taken as it is."""
    assert milliseconds(ms) == milliseconds(format_duration(ms)) == ms


@pytest.mark.parametrize("value", [-1, 1.0, True, None, "5", "-5m", b"5m"])
def test_milliseconds_rejects_fractions_negatives_and_other_types(value: object) -> None:
    """By a DefinitionError."""
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
def test_approximate_duration_is_rounded_up_to_a_tenth_of_its_unit(ms: int, text: str) -> None:
    """Never down, and to the next unit where it reaches a whole one."""
    assert approximate_duration(ms) == text


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1704067201000", 1),
        ("2024-01-01", 0),
        ("2024-01-01T00:00:01", 1),
        ("2024-01-01 01:00:01.000+01:00", 1),
        (" 2024-01-01T00:00:01Z ", 1),
    ],
)
def test_times_are_read_in_utc_unless_they_name_a_zone(text: str, second: int) -> None:
    """Integer ms and ISO 8601 mean the same instant."""
    assert parse_time(text) == 1_704_067_200_000 + 1_000 * second
