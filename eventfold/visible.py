"""Texts that others wrote, as they may be shown: on a terminal, in a log."""

import re

#: C0 but for tabs and line breaks, DEL, C1; what turns the direction of a line or ends it; halves
#: of surrogate pairs, which no file takes.
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_TEXT = re.compile(f"[{_CONTROLS}]")
_IN_LINE = re.compile(f"[{_CONTROLS}\t\n]")


def visible(text: str) -> str:
    r"""Return a text with `\u001b` and the like in place of control characters.

    JSON means the same with them. Tabs and line breaks stay.

    >>> print(visible("A\x1b[2J\tB"))
    A\u001b[2J	B
    """
    return text if text.isascii() and text.isprintable() else _IN_TEXT.sub(_escaped, text)


def visible_line(text: str) -> str:
    r"""Return a text as one line: tabs and line breaks are made visible, too.

    >>> print(visible_line("A\nB"))
    A\u000aB
    """
    return text if text.isascii() and text.isprintable() else _IN_LINE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
