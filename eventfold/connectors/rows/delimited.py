"""Rows of delimited text. A damaged line costs itself, and no other line."""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from eventfold.connectors.rows.compression import DamagedError
from eventfold.connectors.rows.dialect import Dialect, cells_of
from eventfold.connectors.rows.row import BadRow, Row, bad_row
from eventfold.connectors.rows.text import describe_flaw

#: Most lines of a row whose quoted cells have line breaks.
MOST_LINES = 200

_UNCLOSED = "a quote that is not closed"


class DelimitedReader:
    """Reader of the rows of delimited text, by the csv module of the standard library.

    A quoted cell may go over several lines. A quote that is not closed looks the same until the
    next quote, perhaps thousands of lines on. So lines are joined only if their quotes are where
    they belong, the row has as many cells as the header, and the lines are no rows by themselves.
    """

    def __init__(self, dialect: Dialect, encoding: str, comment: str | None) -> None:
        self._dialect = dialect
        self._encoding = encoding
        self._comment = comment
        self._columns = [(name, index) for index, name in enumerate(dialect.columns)]
        self._width = len(dialect.columns)
        others = re.escape(dialect.delimiter)
        cell = rf'(?: *"[^"]*(?:""[^"]*)*"|[^"{others}]*)'
        self._whole = re.compile(rf"{cell}(?:{others}{cell}){{{self._width - 1}}}")
        self._lines: list[str] = []  # that have not been read yet, the first of which has _number
        self._number = 1
        self._is_final = False  # whether they are the file's last
        self._is_suspect = False  # whether one of them may have a flaw
        self._is_open = False  # whether a quoted cell begins in the first and is not closed

    def batches(self, chunks: Iterable[list[str]]) -> Iterator[Iterable[Row | BadRow]]:
        """Yield the rows of the file whose lines are `chunks`; read each batch before the next.

        Raises DamagedError after the rows before the damage.
        """
        skipped = self._dialect.skipped
        damage = None
        try:
            for chunk in chunks:
                skip = min(skipped, len(chunk))
                skipped -= skip
                self._number += skip
                self._lines += chunk[skip:]
                yield from self._read()
        except DamagedError as error:
            damage = error
        self._is_final = True
        yield from self._read()
        if damage is not None:
            raise damage

    def _read(self) -> Iterator[Iterable[Row | BadRow]]:
        """Yield the rows of the lines at hand; leave those that may go on in further lines."""
        text = "".join(self._lines)
        self._is_suspect = describe_flaw(text, self._encoding) is not None
        if '"' not in text and len(text) <= csv.field_size_limit():
            yield self._unquoted_rows()
        while self._lines:
            yield self._well_formed_rows()
            if not self._lines or (self._is_open and self._needs_lines()):
                return
            line = self._lines.pop(0)
            if not self._is_comment(line):
                yield [bad_row(self._number, self._describe_error(line), line)]
            self._number += 1

    def _needs_lines(self) -> bool:
        # So many lines decide whether a row has several, and whether its last line begins another.
        return not self._is_final and len(self._lines) < 2 * MOST_LINES

    def _unquoted_rows(self) -> Iterator[Row | BadRow]:
        """Yield the rows of the lines at hand, none of which has a quote: each is one row."""
        lines, number = self._lines, self._number
        self._lines, self._number = [], number + len(lines)
        columns, width = self._columns, len(self._columns)
        is_plain = not self._is_suspect and self._comment is None
        new = tuple.__new__  # takes half as long as Row(...), which has keywords
        for at, cells in enumerate(self._parse(lines)):
            if is_plain and len(cells) == width:
                yield new(Row, (number + at, {n: cells[i] for n, i in columns if cells[i]}))
            elif (row := self._check(number + at, cells, lines[at : at + 1])) is not None:
                yield row

    def _well_formed_rows(self) -> Iterator[Row | BadRow]:
        """Yield the rows of the lines at hand up to one with an error, which becomes the first."""
        lines, number, at = self._lines, self._number, 0
        columns, width = self._columns, len(self._columns)
        is_plain = not self._is_suspect and self._comment is None
        new = tuple.__new__
        # A quoted cell that is not closed before the last line takes in the one added here.
        reader = self._parse(chain(lines, [""]))
        self._is_open = False
        with suppress(csv.Error):
            for cells in reader:
                end = reader.line_num
                if is_plain and end - at == 1 and len(cells) == width:
                    yield new(Row, (number + at, {n: cells[i] for n, i in columns if cells[i]}))
                elif at < len(lines):
                    row = cells if end - at == 1 else self._join(lines, at, end)
                    if row is None:
                        break
                    checked = self._check(number + at, row, lines[at:end])
                    if checked is not None:
                        yield checked
                at = end
        at = min(at, len(lines))
        self._is_open |= reader.line_num > len(lines)
        self._lines, self._number = lines[at:], number + at

    def _check(self, number: int, cells: list[str], lines: list[str]) -> Row | BadRow | None:
        """Return the row with `cells`, or why it is none; None for a comment or a blank line."""
        if self._is_comment(lines[0]) or (len(cells) < 2 and not lines[0].strip()):
            return None
        if self._is_suspect and (flaw := describe_flaw("\n".join(lines), self._encoding)):
            return bad_row(number, flaw, lines[0])
        # Many files have a delimiter at the end of each line.
        if len(cells) != self._width and (len(cells) < self._width or any(cells[self._width :])):
            return bad_row(number, self._describe_width(cells), lines[0])
        return Row(number, {name: cells[i] for name, i in self._columns if cells[i]})

    def _is_comment(self, line: str) -> bool:
        return self._comment is not None and line.startswith(self._comment)

    def _parse(self, lines: Iterable[str], *, strict: bool = False) -> Any:
        delimiter = self._dialect.delimiter
        return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict)

    def _join(self, lines: list[str], begin: int, end: int) -> list[str] | None:
        """Return the cells of the lines from `begin` to before `end` if they are one row."""
        if end > len(lines):
            return None
        count, cells = self._read_strictly(lines[begin : begin + MOST_LINES])
        if cells is None or count != end - begin or len(cells) != self._width:
            return None
        *between, last = lines[begin + 1 : end]
        if self._is_row(last) or (between and all(map(self._is_row, between))):
            return None
        # If the last line begins another row of several lines, it does not end this one.
        following = lines[end - 1 : end - 1 + MOST_LINES]
        count, others = self._read_strictly(following)
        if others is None and count > len(following) < MOST_LINES and not self._is_final:
            self._is_open = True  # to be seen with further lines
            return None
        begins_other = others is not None and count > 1 and len(others) == self._width
        return None if begins_other else cells

    def _read_strictly(self, lines: list[str]) -> tuple[int, list[str] | None]:
        """Return the number of lines that the first row takes, and its cells if it has no error.

        The number exceeds that of the lines if a quoted cell is not closed in them.
        """
        reader = self._parse(chain((f"{line}\n" for line in lines), [""]), strict=True)
        try:
            cells = next(reader)
        except csv.Error:
            return reader.line_num, None
        return reader.line_num, cells

    def _is_row(self, line: str) -> bool:
        """Return whether a line is a row by itself, with quotes only where they belong."""
        return self._whole.fullmatch(line) is not None

    def _describe_width(self, row: list[str]) -> str:
        cells = f"{len(row)} cell{'' if len(row) == 1 else 's'}"
        if self._dialect.header == "none":
            return f"{cells}, {self._width} columns are named"
        return f"{cells}, the header has {self._width}"

    def _describe_error(self, line: str) -> str:
        if flaw := describe_flaw(line, self._encoding):
            return flaw
        try:
            cells_of(line, self._dialect.delimiter)
        except csv.Error:
            return f"a cell of more than {csv.field_size_limit()} characters"
        return _UNCLOSED
