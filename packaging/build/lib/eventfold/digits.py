"""Whole numbers in untrusted text."""

#: Most digits of a number: any number of 19 digits fits into 64 unsigned bits.
MOST = 19


def read_digits(text: str) -> int | None:
    """Return the number written as 1 to 19 ASCII digits, or None for any other text.

    Neither `int` nor `str.isdigit` is a sufficient check. `int` accepts `1_0` and ` 1`, and raises
    for 5,000 digits; `isdigit` is true of `²`, which `int` rejects.

    >>> read_digits("42"), read_digits("²"), read_digits("-1"), read_digits("9" * 5_000)
    (42, None, None, None)
    """
    return int(text) if len(text) <= MOST and text.isascii() and text.isdigit() else None
