"""Rows of JSON: what is an element, in which order, and what a broken one costs."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.connectors.rows import BadRow, Layout, Row, RowFile
from eventfold.connectors.rows.json_rows import JsonReader

OBJECTS = [{"a": n, "b": f"}},{{ {n}", "c": {"d": [{"e": n}]}} for n in range(1, 4)]


def read(tmp_path: Path, text: str) -> list[Row | BadRow]:
    """Return the rows of a file."""
    path = tmp_path / "rows"
    path.write_text(text)
    return list(RowFile(path).rows())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\n".join(map(json.dumps, OBJECTS)), [1, 2, 3]),
        ("\n".join(json.dumps(each, indent=2) for each in OBJECTS), [1, 12, 23]),
        (json.dumps(OBJECTS), [1, 1, 1]),
        (json.dumps(OBJECTS, indent=2), [2, 13, 24]),
        ("[\n" + ",\n".join(map(json.dumps, OBJECTS)) + "\n]\n", [2, 3, 4]),
        ("\n\n [ " + "\n, ".join(map(json.dumps, OBJECTS)) + "]", [3, 4, 5]),
        ("\n".join(json.dumps([each]) for each in OBJECTS), [1, 2, 3]),
    ],
    ids=["lines", "indented", "array", "indented array", "array of lines", "commas", "arrays"],
)
def test_objects_are_rows(tmp_path: Path, text: str, lines: list[int]) -> None:
    """However they are written; the line is that on which one begins."""
    assert read(tmp_path, text) == [Row(n, each) for n, each in zip(lines, OBJECTS, strict=True)]


@pytest.mark.parametrize(
    "text",
    ['["a", "b"]\n[1, 2.5]\n[3, null]\n', '[["a", "b"], [1, 2.5], [3, null]]'],
    ids=["lines", "array"],
)
def test_arrays_are_rows_below_a_header(tmp_path: Path, text: str) -> None:
    """If all of the first one are names."""
    assert [row.values for row in read(tmp_path, text) if isinstance(row, Row)] == [
        {"a": 1, "b": 2.5},
        {"a": 3},
    ]


def test_arrays_without_a_header_have_columns_by_number(tmp_path: Path) -> None:
    """As an exchange's candles."""
    text = '[[1499040000000, "0.016"], [1499040060000, "0.017"]]'
    assert [row.values for row in read(tmp_path, text) if isinstance(row, Row)] == [
        {"column_1": 1499040000000, "column_2": "0.016"},
        {"column_1": 1499040060000, "column_2": "0.017"},
    ]


BROKEN = {
    "string without an end": '{"a": 1, "b": "x}',
    "object without an end": '{"a": 1, "b": "x"',
    "object with a comma at its end": '{"a": 1, "b": "x",',
    "name without a value": '{"a": 1, "b"}',
    "no number": '{"a": NaN}',
    "too large": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("form", ["lines", "array of lines", "array in a line"])
def test_broken_element_costs_itself(tmp_path: Path, form: str, case: str) -> None:
    """Those before and after it are rows."""
    begin, between, end = {
        "lines": ("", "\n", "\n"),
        "array of lines": ("[\n", ",\n", "\n]"),
        "array in a line": ("[", ", ", "]"),
    }[form]
    texts = [*map(json.dumps, OBJECTS), BROKEN[case], *map(json.dumps, OBJECTS)]
    rows = read(tmp_path, begin + between.join(texts) + end)
    assert [row.values for row in rows if isinstance(row, Row)] == OBJECTS * 2
    assert isinstance(rows[3], BadRow)
    assert rows[3].reason == "broken JSON"


def test_broken_object_over_several_lines_costs_itself(tmp_path: Path) -> None:
    """The next one begins with the same indentation."""
    text = json.dumps([*OBJECTS, {"broken": [{"a": 1}, {"a": 2}]}, *OBJECTS], indent=2)
    rows = read(tmp_path, text.replace('"broken": [', '"broken": [,'))
    assert [row.values for row in rows if isinstance(row, Row)] == OBJECTS * 2
    assert [row.line for row in rows if isinstance(row, BadRow)] == [35]


VALUES = st.recursive(
    st.none() | st.integers() | st.text('a"\\é{}[],\n', max_size=4),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text("ab", max_size=2), each),
    max_leaves=5,
)


@given(
    st.lists(st.dictionaries(st.text("ab{", max_size=2), VALUES, max_size=4), max_size=6),
    st.sampled_from([None, 1]),
    st.integers(1, 40),
)
def test_array_is_read_in_pieces(
    objects: list[dict[str, object]], indent: int | None, size: int
) -> None:
    """Wherever it is cut."""
    text = json.dumps(objects, indent=indent, ensure_ascii=False)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    batches = JsonReader(Layout(), "utf-8").batches_of_values(pieces)
    assert [row for batch in batches for row in batch] == [
        Row(row.line, {name: value for name, value in each.items() if value is not None})
        for row, each in zip(
            [
                row
                for batch in JsonReader(Layout(), "utf-8").batches_of_values([text])
                for row in batch
            ],
            objects,
            strict=True,
        )
    ]


def test_big_array_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """Of 60 MB in one line."""
    path = tmp_path / "rows"
    with path.open("w") as file:
        file.write("[")
        for _ in range(20):
            file.write('{"symbol": "A", "note": "' + "x" * 3_000_000 + '"},')
        file.write('{"symbol": "B"}]')
    tracemalloc.start()
    rows = list(RowFile(path).rows())
    assert rows[-1].line == 1
    assert isinstance(rows[-1], Row)
    assert rows[-1].values == {"symbol": "B"}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
