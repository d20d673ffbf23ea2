"""Reader of numbers as files have them: with a decimal point or comma, in groups of thousands."""

import re
from math import isfinite
from typing import Any

#: Digits in groups of thousands, with a mark behind each group.
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([,.' \u00a0\u202f])\d{3})(?:\1\d{3})*", re.ASCII)
_DIGITS = re.compile(
    r"(?P<sign>[+-]?)(?P<body>[\d,.' \u00a0\u202f]*\d[,.]?)(?P<power>[eE][+-]?\d+)?", re.ASCII
)
_MISSING = {"null", "none", "na", "n/a", "\\n"}
#: More digits than a whole number of 64 bits has.
_MOST_DIGITS = 18


class NumberReader:
    """Reader of numbers; `decimal` is the decimal mark, `.` or `,`.

    Without it the mark is the point, and what could mean two numbers is refused: `1,234`. Groups of
    thousands are read where each has three digits. Where a number has both marks, the last one is
    the decimal mark.

    >>> NumberReader(",").read("1.234,5"), NumberReader().read("1,234.50")
    (1234.5, 1234.5)
    """

    def __init__(self, decimal: str | None = None) -> None:
        #: The decimal mark, if it is known.
        self.decimal = decimal

    def read(self, text: str) -> int | float:
        """Return the number that a text is. Raises ValueError, with the reason, for any other."""
        text = text.strip()
        if text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS:
            return int(text)
        if self.decimal != "," and "_" not in text:
            try:
                return _finite(float(text), text)
            except ValueError:
                pass
        found = _DIGITS.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} {_reason(text)}")
        plain = found["sign"] + self._plain(found["body"], text) + (found["power"] or "")
        return _finite(float(plain), text) if set(plain) & set(".eE") else int(plain)

    def _plain(self, body: str, text: str) -> str:
        """Return digits with a decimal point, if there is one, and no other mark."""
        whole, mark, fraction = body, "", ""
        last = max(body.rfind(","), body.rfind("."))
        if last >= 0 and self._is_decimal(body, body[last], text):
            whole, mark, fraction = body[:last], ".", body[last + 1 :]
        if not whole.isdecimal() and whole:
            if not _GROUPED.fullmatch(whole):
                raise ValueError(f"{text!r} is no number: its groups are not of three digits")
            whole = re.sub(r"\D", "", whole)
        return f"{whole or '0'}{mark}{fraction}" if fraction or not mark else whole

    def _is_decimal(self, body: str, mark: str, text: str) -> bool:
        """Return whether the last mark of a number is its decimal mark."""
        number = body.count(mark)
        other = "," if mark == "." else "."
        if other in body or mark == (self.decimal or "."):
            return number == 1
        if number == 1 and not _GROUPED.fullmatch(body):
            mine = "a decimal comma" if mark == "," else "a decimal point"
            raise ValueError(f"{text!r} has {mine}: --decimal {mark}")
        if number == 1 and self.decimal is None:
            raise ValueError(f"{text!r}: thousands or a decimal comma? --decimal . or --decimal ,")
        return False


def decimal_mark(texts: list[str]) -> str | None:
    """Return the decimal mark of numbers of one file; None if they show none, or two.

    A number such as `1,234` shows none: the comma may be one of thousands.

    >>> decimal_mark(["12", "123,45", "1.234,5"])
    ','
    """
    marks = set()
    for text in texts:
        number = text.strip()
        last = max(number.rfind(","), number.rfind("."))
        has_one = last >= 0 and number.count(number[last]) == 1
        if has_one and _DIGITS.fullmatch(number) and not _GROUPED.fullmatch(number.lstrip("+-")):
            marks.add(number[last])
    return marks.pop() if len(marks) == 1 else None


def _finite(number: float, text: str) -> float:
    if not isfinite(number):
        raise ValueError(f"{text!r} is no finite number")
    return number


def is_missing(value: Any) -> bool:
    """Return whether the value of a cell is a text that stands for a missing one."""
    return isinstance(value, str) and value.strip().casefold() in _MISSING


def _reason(text: str) -> str:
    if is_missing(text):
        return "is a missing value"
    if text.endswith("%"):
        return "is a percentage, no number"
    if re.search(r"[$€£¥₹₩₽]|^[A-Z]{3} ?[\d.,]+$|[\d.,] ?[A-Z]{3}$", text):
        return "has a currency, which is not converted"
    return "is no number"
