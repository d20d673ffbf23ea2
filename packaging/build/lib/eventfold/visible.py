"""Escaping of untrusted text for a terminal or a log."""

import re

#: C0 except tab and line feed, DEL, C1; characters that change a line's direction or end it; lone
#: surrogates, which can't be written to a file.
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_TEXT = re.compile(f"[{_CONTROLS}]")
_IN_LINE = re.compile(f"[{_CONTROLS}\t\n]")


def visible(text: str) -> str:
    r"""Return a text with control characters escaped as in JSON, such as `\u001b`.

    JSON keeps its meaning. Tabs and line breaks stay.

    >>> print(visible("A\x1b[2J"))
    A\u001b[2J
    """
    return text if text.isascii() and text.isprintable() else _IN_TEXT.sub(_escaped, text)


def visible_line(text: str) -> str:
    r"""Return a text as one line: tabs and line breaks are escaped, too.

    >>> print(visible_line("A\nB"))
    A\u000aB
    """
    return text if text.isascii() and text.isprintable() else _IN_LINE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
