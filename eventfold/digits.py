"""Whole numbers in texts that anybody may have written."""

#: Digits of the largest one: any of them fits into 64 bits without a sign.
MOST = 19


def read_digits(text: str) -> int | None:
    """Return the number that 1 to 19 ASCII digits spell; None for any other text.

    Neither `int` nor `str.isdigit` decides it: the one reads `1_0` and ` 1`, and raises at 5,000
    digits; the other is true of `²`, which `int` refuses.

    >>> read_digits("42"), read_digits("²"), read_digits("-1"), read_digits("9" * 5_000)
    (42, None, None, None)
    """
    return int(text) if len(text) <= MOST and text.isascii() and text.isdigit() else None
