"""Rows of a file, and the parts of its layout that a user can name."""

from dataclasses import dataclass
from typing import Any, NamedTuple

#: Most characters of a line that are shown.
SAMPLE = 80


class UnreadableFileError(Exception):
    """A file that can't be read, or only in part; its message is one line naming it."""


class Row(NamedTuple):
    """Values of one row by column name, as written in the header; empty cells are absent.

    Cells of text are strings. JSON and Parquet keep their types; their nulls are absent, too.
    """

    line: int
    values: dict[str, Any]


class BadRow(NamedTuple):
    """A line that is no row: its number, the reason, and the beginning of its text."""

    line: int
    reason: str
    sample: str


@dataclass(frozen=True)
class Layout:
    """What a user says about a file; what is None is recognised from the file.

    `columns` are used instead of the names in the header, or where there is none. With
    `no_header`, the first line is a row even if it looks like names. Lines that begin with
    `comment` are skipped anywhere; without it, lines that begin with `#` before the header.
    """

    delimiter: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] | None = None
    no_header: bool = False
    comment: str | None = None


def bad_row(line: int, reason: str, text: str) -> BadRow:
    """Return a bad row with a printable excerpt of its text."""
    text = text[: SAMPLE + 1]
    shown = "".join(each if each.isprintable() else _escape(each) for each in text)
    return BadRow(line, reason, shown if len(shown) <= SAMPLE else shown[: SAMPLE - 1] + "…")


def _escape(character: str) -> str:
    """Return the escape of a character; of a surrogate that stands for a byte, the byte's."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
