"""Damaged lines of files: each costs itself, and no line is swallowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.connectors.rows import BadRow, Layout, Row
from eventfold.connectors.rows.delimited import DelimitedReader
from eventfold.connectors.rows.dialect import recognise_dialect
from eventfold.connectors.rows.text import lines_of

HEADER = "a,b,c"


def read(lines: list[str], chunk: int = 1_000) -> list[Row | BadRow]:
    """Return the rows of a file of `lines` that is read in chunks of that many characters."""
    text = "\n".join([HEADER, *lines, ""])
    texts = (text[at : at + chunk] for at in range(0, len(text), chunk))
    dialect = recognise_dialect([HEADER], Layout(), "utf-8")
    batches = DelimitedReader(dialect, "utf-8", None).batches(lines_of(texts))
    return [row for batch in batches for row in batch]


def numbers(rows: list[Row | BadRow], kind: type) -> list[int]:
    """Return the lines of the rows of a kind."""
    return [row.line for row in rows if isinstance(row, kind)]


CASES: dict[str, tuple[list[str], list[int], list[int]]] = {
    # lines from line 2 on; lines with good rows; lines with bad ones
    "quote that is never closed": (['"B,2,3', "C,1,2", "C,2,3"], [3, 4], [2]),
    "in the last line": (["C,1,2", '"B,2,3'], [2], [3]),
    "in the last cell": (['B,2,"3', "C,1,2"], [3], [2]),
    "closed by the quote of a good row": (['B,2,"3', "C,1,2", '"D","4","5"'], [3, 4], [2]),
    "closed after a comma": (['B,2,"3', 'C,",",2'], [3], [2]),
    "two of them": (['B,2,"3', "C,1,2", 'D,2,"3', "E,1,2"], [3, 5], [2, 4]),
    "one that opens and one that closes": (['B,2,"3', "C,1,2", 'D,2,3"', "E,1,2"], [3, 4, 5], [2]),
    "rows of two lines": (['A,"1', '2",3', "B,4,5"], [2, 4], []),
    "rows of many lines": (['A,"1', "", "x", '2",3', "B,4,5"], [2, 6], []),
    "text that begins with a line break": (['A,"', 'x",3', 'B,"', 'x",3'], [2, 4], []),
    "doubled quotes over lines": (['A,"1""x', 'y"",2",3', "B,4,5"], [2, 4], []),
    "unclosed before a row of two lines": (['A,1,"2', 'B,"', 'x",3'], [3], [2]),
    "row of two lines with too many cells": (['A,"1', '2",3,4', "B,4,5"], [3, 4], [2]),
    "quotes within a cell": (['A,12" pipe,3', "B,2,3"], [2, 3], []),
    "quotes with more behind": (['A,"x"y,3', "B,2,3"], [2, 3], []),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("chunk", [1, 7, 1_000])
def test_quote_costs_its_own_line(case: str, chunk: int) -> None:
    """Wherever the file is cut into pieces."""
    lines, good, bad = CASES[case]
    rows = read(lines, chunk)
    assert numbers(rows, Row) == good
    assert numbers(rows, BadRow) == bad


def test_unclosed_quote_among_thousands_of_lines_costs_one() -> None:
    """Each of many."""
    lines = [f'"{n},2,3' if n % 5_000 == 7 else f"{n},2,3" for n in range(20_000)]
    rows = read(lines, 1 << 16)
    assert len(rows) == len(lines)
    assert numbers(rows, BadRow) == [9, 5_009, 10_009, 15_009]


def test_rows_of_too_many_lines_are_bad() -> None:
    """Memory is bounded: each of their lines is read by itself."""
    rows = read(['A,"1', *["x"] * 300, '2",3', "B,4,5"])
    assert numbers(rows, Row) == [304]
    assert numbers(rows, BadRow) == list(range(2, 304))


CELLS = st.text(st.sampled_from('ab1.- ,"é\t;'), max_size=6)
WORDS = st.text(st.sampled_from("ab1.é"), max_size=6)
BREAKS = st.text(st.sampled_from("ab\n"), max_size=6)


def quoted(cell: str) -> str:
    """Return a cell as it is written."""
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\n') else cell


@st.composite
def records(draw: st.DrawFn) -> list[str]:
    """Return the text of one record of three cells, as its lines."""
    first = draw(st.sampled_from(["A", "B", '"C"']))  # not a blank line
    return ",".join([first, quoted(draw(CELLS)), quoted(draw(CELLS))]).split("\n")


@st.composite
def damages(draw: st.DrawFn, line: str) -> str:
    """Return a damaged line: characters lost, added or replaced, but no line break."""
    at = draw(st.integers(0, len(line)))
    to = draw(st.integers(at, len(line)))
    return line[:at] + draw(st.text(st.sampled_from('",;x\0\udce4{['), max_size=3)) + line[to:]


@given(st.lists(records(), min_size=1, max_size=12), st.data(), st.integers(1, 60))
def test_every_other_line_is_a_row_if_one_is_damaged(
    texts: list[list[str]], data: st.DataObject, chunk: int
) -> None:
    """Each line is a row or a bad row, once, and the other rows have the right values."""
    lines = [text[0] for text in texts]
    damaged = data.draw(st.integers(0, len(lines) - 1))
    expected = {row.line: row for row in read(lines)}
    assert list(expected) == list(range(2, len(lines) + 2))
    changed = [*lines]
    changed[damaged] = data.draw(damages(lines[damaged]))
    rows = {row.line: row for row in read(changed, chunk)}
    own = damaged + 2
    assert {line: row for line, row in rows.items() if line != own} == {
        line: row for line, row in expected.items() if line != own
    }
    assert own in rows or not changed[damaged].strip()


@given(st.lists(st.tuples(BREAKS, WORDS), min_size=1, max_size=8), st.integers(1, 60))
def test_cells_with_line_breaks_are_read(cells: list[tuple[str, str]], chunk: int) -> None:
    """As they were written."""
    lines = [f"x,{quoted(one)},{two}" for one, two in cells]
    assert [row.values for row in read(lines, chunk) if isinstance(row, Row)] == [
        {name: cell for name, cell in {"a": "x", "b": one, "c": two}.items() if cell}
        for one, two in cells
    ]


@given(st.text(st.sampled_from('a,"\n 1'), max_size=80), st.integers(1, 60))
def test_no_line_of_any_text_is_swallowed(text: str, chunk: int) -> None:
    """Each line that is not blank is in one row or bad row."""
    lines = text.split("\n")
    rows = read(lines, chunk)
    begins = [row.line for row in rows]
    assert begins == sorted(set(begins))
    covered = set()
    for row in rows:
        breaks = (
            sum(cell.count("\n") for cell in row.values.values()) if isinstance(row, Row) else 0
        )
        covered |= set(range(row.line, row.line + breaks + 1))
    assert {n for n, line in enumerate(lines, 2) if line.strip()} <= covered


def test_sample_of_a_long_line_is_short() -> None:
    """And of one line."""
    [row] = read(["x\t\v" + "y" * 200])
    assert isinstance(row, BadRow)
    assert row.sample == "x\\t\\x0b" + "y" * 72 + "…"
