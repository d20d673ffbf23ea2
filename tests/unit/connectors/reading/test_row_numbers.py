"""Numbers of rows: decimal marks, thousands, and what is no number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.connectors.reading.numbers import NumberReader, decimal_mark


@pytest.mark.parametrize(
    ("decimal", "text", "number"),
    [
        (None, "5", 5),
        (None, "-0.5", -0.5),
        (None, "1e5", 1e5),
        (None, "1,234.50", 1234.5),
        (None, "1.234,50", 1234.5),
        (None, "1,234,567", 1_234_567),
        (None, "1'234.5", 1234.5),
        (".", "1,234", 1234),
        (",", "123,45", 123.45),
        (",", "1.234", 1234),
        (",", "1,234.50", 1234.5),
        (",", "1.234.567,8", 1_234_567.8),
        (",", "1 234,5", 1234.5),
        (",", "1\u202f234,5", 1234.5),
    ],
)
def test_number_is_read_with_the_decimal_mark(
    decimal: str | None, text: str, number: float
) -> None:
    """Of two marks the last is the decimal one; groups of thousands have three digits."""
    assert NumberReader(decimal).read(text) == number


@pytest.mark.parametrize(
    ("decimal", "text", "reason"),
    [
        (None, "123,45", "has a decimal comma: --decimal ,"),
        (None, "1,234", "thousands or a decimal comma?"),
        (",", "12.5", "has a decimal point: --decimal ."),
        (None, "12,34,5", "groups are not of three digits"),
        (None, "$12.5", "has a currency"),
        (None, "12,5 EUR", "has a currency"),
        (None, "12.5%", "is a percentage"),
        (None, "null", "is a missing value"),
        (None, "nan", "is no number"),
        (None, "1_000", "is no number"),
        (None, "1e999", "is no finite number"),
        (None, "abc", "is no number"),
    ],
)
def test_other_text_is_refused_with_the_reason(decimal: str | None, text: str, reason: str) -> None:
    """And with the option that decides, if there is one."""
    with pytest.raises(ValueError, match="^" + repr(text).replace("$", r"\$")) as error:
        NumberReader(decimal).read(text)
    assert reason in str(error.value)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([",", "."]))
def test_number_as_written_is_that_number(number: float, mark: str) -> None:
    """With either decimal mark."""
    assert NumberReader(mark).read(repr(number).replace(".", mark)) == number


@given(st.integers(-(10**17), 10**17), st.sampled_from([(",", "."), (".", ",")]))
def test_groups_of_thousands_are_read(number: int, marks: tuple[str, str]) -> None:
    """With the other mark between them."""
    thousands, decimal = marks
    written = f"{number:,}".replace(",", thousands)
    assert NumberReader(decimal).read(written) == number


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["12", "123,45"], ","),
        (["1.306600", "5"], "."),
        (["1.234,5", "7"], ","),
        (["1,5", "1.5"], None),
        (["1,234", "2,345"], None),
        (["1.234", "123,45"], ","),
        (["0,123"], ","),
        ([], None),
    ],
)
def test_decimal_mark_of_a_file_is_recognised(texts: list[str], mark: str | None) -> None:
    """Not from numbers that could have groups of thousands."""
    assert decimal_mark(texts) == mark
