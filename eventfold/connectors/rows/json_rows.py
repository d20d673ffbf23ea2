"""Rows of JSON: objects or arrays, one a line, in an array, or one after the other."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from eventfold.connectors.rows.compression import DamagedError
from eventfold.connectors.rows.dialect import are_values, name_columns
from eventfold.connectors.rows.row import BadRow, Layout, Row, bad_row
from eventfold.connectors.rows.text import LONGEST, describe_flaw
from eventfold.decoding import json_decoder

_BETWEEN = re.compile(r"[\s,]*")
# A column may be named `[Price]`, so what is in the bracket decides, too.
_ARRAY = re.compile(r'\[\s*(?:[\[{\]]|$|(["\d-]|true|false|null))')
# Within an object, no object follows a value or a comma: its end is missing.
_WITHOUT_END = re.compile(r",?\s*(?=\{)")
_BROKEN = "broken JSON"


def recognise_json(text: str) -> str | None:
    r"""Return "JSON lines", "JSON array" or "JSON objects" (over several lines), or None.

    >>> recognise_json('[[1, 2], [3, 4]]'), recognise_json('[1, 2]\n[3, 4]')
    ('JSON array', 'JSON lines')
    """
    text = text.lstrip()
    if array := _ARRAY.match(text):
        return "JSON lines" if array[1] else "JSON array"
    if not text.startswith("{"):
        return None
    first, _, others = text.partition("\n")
    complete = first.rstrip().endswith("}") or others.lstrip().startswith("{")
    return "JSON lines" if complete else "JSON objects"


class JsonReader:
    """Reader of the rows of JSON; elements that are arrays get the names of columns."""

    def __init__(self, layout: Layout, encoding: str) -> None:
        self._encoding = encoding
        self._needs_header = layout.columns is None and not layout.no_header
        self._has_objects = False
        self._decode = json_decoder(Any)
        #: Names of the columns of arrays; None until there is one.
        self.columns: tuple[str, ...] | None = layout.columns

    def batches_of_lines(self, chunks: Iterable[list[str]]) -> Iterator[list[Row | BadRow]]:
        """Yield the rows of lines, a list for each of `chunks`."""
        number = 1
        for lines in chunks:
            rows = [self._row(number + n, line) for n, line in enumerate(lines) if line.strip()]
            yield [row for row in rows if row is not None]
            number += len(lines)

    def batches_of_values(self, texts: Iterable[str]) -> Iterator[list[Row | BadRow]]:
        """Yield the row of each value in an array, or of values one after the other.

        Raises DamagedError at the end if the array is not closed.
        """
        values = _Values(texts)
        for line, text, is_whole in values:
            row = self._row(line, text) if is_whole else bad_row(line, _BROKEN, text)
            if row is not None:
                yield [row]
        if values.in_array:
            raise DamagedError("the array has no end")

    def _row(self, number: int, text: str) -> Row | BadRow | None:
        try:
            value = self._decode(text)
        except ValueError:
            return bad_row(number, describe_flaw(text, self._encoding) or _BROKEN, text)
        if isinstance(value, list) and not self._has_objects:
            return self._row_of_cells(number, value, text)
        if not isinstance(value, dict):
            return bad_row(number, "no object", text)
        self._has_objects, self.columns = True, None
        if None not in value.values():
            return Row(number, value)
        return Row(number, {name: each for name, each in value.items() if each is not None})

    def _row_of_cells(self, number: int, cells: list[Any], text: str) -> Row | BadRow | None:
        if self.columns is None:
            names = [cell.strip() for cell in cells if isinstance(cell, str)]
            if self._needs_header and len(names) == len(cells) and not are_values(names):
                self.columns = name_columns(names)
                return None
            self.columns = name_columns([""] * len(cells))
        if len(cells) != len(self.columns):
            return bad_row(number, f"{len(cells)} values, not {len(self.columns)}", text)
        filled = zip(self.columns, cells, strict=True)
        return Row(number, {name: each for name, each in filled if each is not None})


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class _Values:
    """Iterator of the values in a text: line, text, and whether it is a whole value.

    The text is read in pieces. After a broken value, it goes on with the next one that begins as
    the values before: on a line of its own with the same indentation, or after `},`.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = iter(texts)
        self._ended = False
        self._buffer = ""
        self._at = 0
        self._error_at = 0
        self._line = 1
        self._indent: str | None = ""
        self._scan = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
        #: Whether an array has begun that has not ended.
        self.in_array = False

    def __iter__(self) -> Iterator[tuple[int, str, bool]]:
        while self._skip_to_value():
            line = self._line
            end = self._find_end()
            is_whole = end is not None
            if end is None:
                end = self._find_next()
            text = self._buffer[self._at : end]
            self._at = end
            self._line += text.count("\n")
            if not is_whole and end == len(self._buffer) and text.rstrip().endswith("]"):
                self.in_array = False
            yield line, text if is_whole else text.rstrip(), is_whole

    def _skip_to_value(self) -> bool:
        """Move to the beginning of the next value; return whether there is one."""
        while True:
            blank = _BETWEEN.match(self._buffer, self._at)
            skipped = blank[0] if blank else ""
            if "\n" in skipped:
                self._indent = skipped.rpartition("\n")[2]
            elif skipped:
                self._indent = None
            self._line += skipped.count("\n")
            self._at += len(skipped)
            following = self._buffer[self._at : self._at + 1]
            if not following:
                if not self._refill():
                    return False
            elif following == "[" and not self.in_array:
                self.in_array, self._indent = True, None
                self._at += 1
            elif following == "]" and self.in_array:
                self.in_array = False
                self._at += 1
            else:
                return True

    def _find_end(self) -> int | None:
        """Return the end of the value that begins here, or None if it is broken."""
        while True:
            try:
                return self._scan(self._buffer, self._at)[1]
            except (ValueError, RecursionError) as error:
                self._error_at = getattr(error, "pos", self._at)
                if len(self._buffer) - self._at > LONGEST or not self._refill():
                    return None

    def _find_next(self) -> int:
        """Return where a value begins after this broken one, or the end of what has been read."""
        before = self._buffer[self._at : self._error_at].rstrip()
        resumed = _WITHOUT_END.match(self._buffer, self._error_at)
        if resumed and before and before[-1] not in "[:":
            return resumed.end()
        if self._indent is not None:
            pattern = re.compile(rf"\n(?={re.escape(self._indent)}[\[{{])")
            if found := pattern.search(self._buffer, self._at):
                return found.end()
        close, open_ = (r"\]", r"\[") if self._buffer[self._at] == "[" else (r"\}", r"\{")
        found = re.compile(rf"{close}\s*,?\s*(?={open_})").search(self._buffer, self._at + 1)
        return found.end() if found else len(self._buffer)

    def _refill(self) -> bool:
        """Read a further piece; return whether there was one."""
        while not self._ended:
            text = next(self._texts, None)
            if text is None:
                self._ended = True
            elif text:
                self._buffer = self._buffer[self._at :] + text
                self._at = 0
                return True
        return False
