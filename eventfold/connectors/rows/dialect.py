"""Recognition of delimited text: its delimiter, its header, and where its rows begin."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from eventfold.connectors.rows.row import Layout
from eventfold.connectors.rows.text import describe_flaw

#: Most lines that are looked at, and most lines of titles before the header.
SAMPLED, TITLES = 100, 20
#: Most characters of each.
LONGEST_SAMPLE = 20_000

# In this order, because a comma is also found within numbers, and a blank within times.
_DELIMITERS = "\t;|,^~ "
#: Names of delimiters that can't be seen; a user may write them.
DELIMITER_NAMES = {"\t": "tab", " ": "blank"}
_NAMED = {name: each for each, name in DELIMITER_NAMES.items()} | {"\\t": "\t"}
_SEPARATOR = re.compile(r'"?sep=(.|\\t)"?', re.IGNORECASE)
_VALUE = re.compile(r"[-+]?[.,]?\d[\d.,:/ TZ+-]*(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """Layout of delimited text: its columns, and the number of lines before its first row."""

    delimiter: str
    columns: tuple[str, ...]
    skipped: int
    header: str


def recognise_dialect(lines: Sequence[str], layout: Layout, encoding: str) -> Dialect:
    """Return the dialect of a file that begins with `lines`, as far as `layout` leaves it open.

    Raises ValueError if the layout contradicts the file, or its columns have no names.
    """
    delimiter = _NAMED.get(layout.delimiter or "", layout.delimiter)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ValueError(f"the delimiter must be one character, not {layout.delimiter!r}")
    begin, comment = len(lines), ""
    for number, line in enumerate(lines):
        if found := _SEPARATOR.fullmatch(line.strip()):
            delimiter = delimiter or _NAMED.get(found[1], found[1])
        elif line.startswith(layout.comment or "#"):
            comment = line.removeprefix(layout.comment or "#")[:LONGEST_SAMPLE]
        elif line.strip():
            begin = number
            break
    filled = [n for n in range(begin, len(lines)) if lines[n].strip()][:SAMPLED]
    if not filled:
        return Dialect(delimiter or ",", layout.columns or (), begin, "none")
    sample = [lines[number][:LONGEST_SAMPLE] for number in filled]
    delimiter, titles = _elect(sample, delimiter or _DELIMITERS)
    if layout.no_header:
        titles = 0
    if layout.columns is None and (flaw := describe_flaw(sample[titles], encoding)):
        raise ValueError(f"line {filled[titles] + 1}: {flaw}")
    cells = [cells_of(line, delimiter) for line in sample[titles:]]
    return _with_columns(delimiter, filled[titles], cells, comment, layout)


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; a quote that is not closed ends with it."""
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _elect(sample: Sequence[str], candidates: str) -> tuple[str, int]:
    """Return the delimiter that most lines have as often as the first one, and the titles' number.

    A title is a line before the header that has far fewer cells.
    """
    first = ","
    for titles in range(min(len(sample), TITLES)):
        # Words of titles are separated by blanks, and so are dates and times.
        shares = {
            each: _share(sample[titles:], each) for each in candidates if titles == 0 or each != " "
        }
        best = max(shares, key=lambda each: min(shares[each], 0.8), default=",")
        if titles == 0 and shares[best]:
            first = best
        if shares.get(best, 0) >= 0.5:
            width = len(cells_of(sample[titles], best))
            fewer = (2 * len(cells_of(line, best)) <= width for line in sample[:titles])
            return (best, titles) if all(fewer) else (first, 0)
    return (candidates if len(candidates) == 1 else first), 0


def _share(lines: Sequence[str], delimiter: str) -> float:
    """Return the fraction of lines with as many cells as the first; 0 if that has one cell."""
    rows = [cells_of(line, delimiter) for line in lines]
    header = [*rows[0]]
    shares = [0.0]
    while len(header) > 1:
        width = len(header)
        fitting = sum(len(row) >= width and not any(row[width:]) for row in rows)
        shares.append(fitting / len(rows))
        if header.pop():  # a delimiter at the end of the header counts only if rows have it, too
            break
    return max(shares)


def _with_columns(
    delimiter: str, begin: int, rows: Sequence[list[str]], comment: str, layout: Layout
) -> Dialect:
    first = [cell.strip() for cell in rows[0]]
    named = [cell.strip() for cell in cells_of(comment, delimiter)] if comment else []
    columns = layout.columns
    if not layout.no_header and not are_values(first):
        while len(first) > 1 and not any(any(row[len(first) - 1 :]) for row in rows):
            first.pop()
        if columns is not None and len(columns) != len(first):
            raise ValueError(f"the header has {len(first)} columns, but {len(columns)} are named")
        header = f"line {begin + 1}: {', '.join(first)}"
        return Dialect(delimiter, columns or name_columns(first), begin + 1, header)
    if columns is None and layout.no_header:
        columns = name_columns([""] * len(first))
    if columns is None and len(named) == len(first) > 1 and not are_values(named):
        return Dialect(delimiter, name_columns(named), begin, f"comment: {', '.join(named)}")
    if columns is None:
        raise ValueError(
            f"line {begin + 1} has values, no names of columns: name them"
            " (--no-header --columns NAME,…)"
        )
    return Dialect(delimiter, columns, begin, "none")


def are_values(cells: Sequence[str]) -> bool:
    """Return whether at least half of the cells are numbers, dates or times."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and 2 * sum(bool(_VALUE.fullmatch(c)) for c in filled) >= len(filled)


def name_columns(header: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each column: its own; `.1` follows if it is taken, `column_3` is the third.

    >>> name_columns(["time", "price", "price", ""])
    ('time', 'price', 'price.1', 'column_4')
    """
    names: list[str] = []
    for number, name in enumerate(header, 1):
        own = name or f"column_{number}"
        taken = sum(each == own or each.startswith(f"{own}.") for each in names)
        names.append(f"{own}.{taken}" if own in names else own)
    return tuple(names)
