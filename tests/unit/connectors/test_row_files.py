"""Files as people have them: what is recognised of each, and which rows it has."""

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.connectors.rows import BadRow, Layout, Row, RowFile, UnreadableFileError


def write(tmp_path: Path, content: str | bytes) -> Path:
    """Put `content` into a file."""
    path = tmp_path / "rows"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, **layout: Any) -> list[Any]:
    """Return the values of each row of a file, and the reason of each bad one."""
    return [
        each.values if isinstance(each, Row) else each.reason
        for each in RowFile(path, Layout(**layout)).rows()
    ]


AB = [{"symbol": "A", "price": "1.5"}, {"symbol": "B", "price": "2"}]
GREEK = [{"symbol": "Ω", "price": "1"}]

SHAPES: dict[str, tuple[str | bytes, list[dict[str, str]]]] = {
    "comma": ("symbol,price\nA,1.5\nB,2\n", AB),
    "no line feed at the end": ("symbol,price\nA,1.5\nB,2", AB),
    "CRLF": ("symbol,price\r\nA,1.5\r\nB,2\r\n", AB),
    "CR": ("symbol,price\rA,1.5\rB,2\r", AB),
    "semicolon": ("symbol;price\nA;1.5\nB;2\n", AB),
    "tab": ("symbol\tprice\nA\t1.5\nB\t2\n", AB),
    "pipe": ("symbol|price\nA|1.5\nB|2\n", AB),
    "blanks": ("symbol price\nA 1.5\nB  2\n", AB),
    "blanks after commas": ("symbol, price\nA, 1.5\nB, 2\n", AB),
    "sep line": ("sep=;\nsymbol;price\nA;1.5\nB;2\n", AB),
    "sep line, quoted": ('"SEP=|"\nsymbol|price\nA|1.5\nB|2\n', AB),
    "blank lines first": ("\n  \nsymbol,price\nA,1.5\n\nB,2\n\n", AB),
    "comments first": ("# trades, of 2024\n#\nsymbol,price\nA,1.5\nB,2\n", AB),
    "header as a comment": ("#symbol,price\nA,1.5\nB,2\n", AB),
    "title first": ("https://www.example.org\nsymbol,price\nA,1.5\nB,2\n", AB),
    "titles first": ("Prices, daily\n\nsymbol,b,c,price\nA,,,1.5\nB,,,2", AB),
    "delimiter at the end of rows": ("symbol,price\nA,1.5,\nB,2,\n", AB),
    "delimiter at the end of lines": ("symbol,price,\nA,1.5,\nB,2,\n", AB),
    "quotes": ('"symbol","price"\n"A","1.5"\n"B","2"\n', AB),
    "blanks around names": (" symbol , price \nA,1.5\nB,2\n", AB),
    "UTF-8": ("symbol,price\nΩ,1\n", GREEK),
    "UTF-8 with a mark": ("\ufeffsymbol,price\nΩ,1\n", GREEK),
    "UTF-8 with a mark, then sep": ("\ufeffsep=;\nsymbol;price\nΩ;1\n", GREEK),
    "UTF-16": ("symbol,price\nΩ,1\n".encode("utf-16"), GREEK),
    "UTF-16, the other way round": ("\ufeffsymbol,price\r\nΩ,1\r\n".encode("utf-16-be"), GREEK),
    "UTF-16 without a mark": ("symbol,price\nA,1.5\nB,2\n".encode("utf-16-le"), AB),
    "decimal commas": ("a;b\n1,5;2,5\n1,5;2,5\n", [{"a": "1,5", "b": "2,5"}] * 2),
    "semicolons in cells": ('a,b\nx,y;z\nx,"y;z"\n', [{"a": "x", "b": "y;z"}] * 2),
    "times with blanks": ("time,b\n2021-01-04 15:30,x\n", [{"time": "2021-01-04 15:30", "b": "x"}]),
    "no value": ("a,b,c\n,1,\n", [{"b": "1"}]),
    "names twice, or none": ("a,a,\n1,2,3\n", [{"a": "1", "a.1": "2", "column_3": "3"}]),
    "column without a name": (",a\n1,2\n", [{"column_1": "1", "a": "2"}]),
    "one column": ("price\n1.5\n2\n", [{"price": "1.5"}, {"price": "2"}]),
    "JSON lines": ('{"a": "x", "b": null}\n\n{"a": "y"}\n', [{"a": "x"}, {"a": "y"}]),
    "JSON array": ('[{"a": "x"}, {"a": "y"}]', [{"a": "x"}, {"a": "y"}]),
    "empty": ("", []),
    "header alone": ("symbol,price\n", []),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_is_recognised(tmp_path: Path, shape: str) -> None:
    """Without an option."""
    content, rows = SHAPES[shape]
    assert read(write(tmp_path, content)) == rows


BINANCE = "4436432001,94591.78000000,0.00042000,39.72,1735689600123456,True,True\n"
NAMES = ("id", "price", "size", "quote", "time", "buyer", "best")
TRADE = {
    "id": "4436432001",
    "price": "94591.78000000",
    "size": "0.00042000",
    "quote": "39.72",
    "time": "1735689600123456",
    "buyer": "True",
    "best": "True",
}

NAMED: dict[str, tuple[str | bytes, dict[str, Any], list[Any]]] = {
    "columns of a file without a header": (BINANCE, {"columns": NAMES, "no_header": True}, [TRADE]),
    "columns, and the file may have a header": (BINANCE, {"columns": NAMES}, [TRADE]),
    "columns in place of those of the header": (
        "A,B\nx,y\n", {"columns": ("a", "b")}, [{"a": "x", "b": "y"}]
    ),
    "no header and no names": (
        "x,y\n", {"no_header": True}, [{"column_1": "x", "column_2": "y"}]
    ),
    "no header, semicolons and decimal commas": (
        "x;1,5\ny;2,5\n", {"columns": ("a", "b"), "no_header": True},
        [{"a": "x", "b": "1,5"}, {"a": "y", "b": "2,5"}],
    ),
    "delimiter": ("a:b\n1,2:3\n", {"delimiter": ":"}, [{"a": "1,2", "b": "3"}]),
    "delimiter by name": ("a,b\tc\n1\t2\n", {"delimiter": "tab"}, [{"a,b": "1", "c": "2"}]),
    "Latin-1": (b"a,b\n\xe4,1\n", {"encoding": "latin-1"}, [{"a": "ä", "b": "1"}]),
    "comments anywhere": (
        'a,b\n1,2\n% it"s five\n1,2\n', {"comment": "%"}, [{"a": "1", "b": "2"}] * 2
    ),
    "JSON arrays with names": (
        "[1, 2]\n[3, null]", {"columns": ("a", "b")}, [{"a": 1, "b": 2}, {"a": 3}]
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", NAMED)
def test_layout_that_is_named_is_taken(tmp_path: Path, shape: str) -> None:
    """Whatever the file looks like."""
    content, layout, rows = NAMED[shape]
    assert read(write(tmp_path, content), **layout) == rows


def test_names_and_values_are_kept_as_they_are_written(tmp_path: Path) -> None:
    """As in the downloads of Stooq and Yahoo."""
    path = write(tmp_path, "<TICKER>,<DATE>,Adj Close\nAAPL.US,20100104,null\n")
    assert read(path) == [{"<TICKER>": "AAPL.US", "<DATE>": "20100104", "Adj Close": "null"}]


REFUSED: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "values in place of names": (BINANCE, {}, "line 1 has values, no names of columns.*--columns"),
    "names of fewer columns": ("a,b\n", {"columns": ("a",)}, "header has 2 columns, but 1"),
    "header in Latin-1": (b"Gr\xf6\xdfe,b\n1,2\n", {}, "line 1: not UTF-8.*--encoding latin-1"),
    "unknown encoding": ("a,b\n", {"encoding": "klingon"}, "no encoding is named 'klingon'"),
    "two characters": ("a,b\n", {"delimiter": "::"}, "must be one character"),
    "web page": ("<!DOCTYPE html>\n<html>", {}, "web page"),
    "zstd": (b"\x28\xb5\x2f\xfd0000", {}, "zstd: unpack it first"),
    "array without an end": ('[{"a": 1}', {}, "the array has no end"),
    "UTF-16 with half a character": ("a,b\n1,2\n".encode("utf-16")[:-1], {}, "cut off or damaged"),
}


@pytest.mark.parametrize("shape", REFUSED)
def test_file_is_refused_in_one_line_that_names_it(tmp_path: Path, shape: str) -> None:
    """It says what is wrong, and what to do where something can be done."""
    content, layout, message = REFUSED[shape]
    path = write(tmp_path, content)
    with pytest.raises(UnreadableFileError, match=rf"\A{path}: .*{message}.*\Z"):
        read(path, **layout)


BAD: dict[str, tuple[str | bytes, list[BadRow]]] = {
    "more cells in most rows": (
        "a,b\n1,2,3\n1,2,3\n1,2\n",
        [BadRow(n, "3 cells, the header has 2", "1,2,3") for n in (2, 3)],
    ),
    "more cells": ("a,b,c\n1,2,3,4,5\n", [BadRow(2, "5 cells, the header has 3", "1,2,3,4,5")]),
    "fewer cells": ("a,b\n1\n", [BadRow(2, "1 cell, the header has 2", "1")]),
    "bytes in Latin-1": (
        b"a,b\n1,\xe4\n",
        [BadRow(2, "not UTF-8: if the file is in Latin-1, add --encoding latin-1", r"1,\xe4")],
    ),
    "NUL": ("a,b\n1,\0\n", [BadRow(2, "a NUL byte", r"1,\x00")]),
    "line of megabytes": ("a,b\n1," + "x" * 2_000_000, [
        BadRow(2, "longer than 1048576 characters", "1," + "x" * 77 + "…")
    ]),
    "huge cell": ("a,b\n1," + "x" * 200_000, [
        BadRow(2, "a cell of more than 131072 characters", "1," + "x" * 77 + "…")
    ]),
    "JSON, cut off": ('{"a": 1}\n{"a": ', [BadRow(2, "broken JSON", '{"a": ')]),
    "JSON, not UTF-8": (b'{"a": 1}\n{"a": "\xe4"}\n', [
        BadRow(2, "not UTF-8: if the file is in Latin-1, add --encoding latin-1", r'{"a": "\xe4"}')
    ]),
    "JSON, a number": ('{"a": 1}\n7\n', [BadRow(2, "no object", "7")]),
    "JSON, a longer array": ("[1, 2]\n[1, 2, 3]\n", [BadRow(2, "3 values, not 2", "[1, 2, 3]")]),
}  # fmt: skip


@pytest.mark.parametrize("shape", BAD)
def test_bad_line_has_number_reason_and_sample(tmp_path: Path, shape: str) -> None:
    """Each of one printable line."""
    content, rows = BAD[shape]
    path = write(tmp_path, content)
    assert [each for each in RowFile(path).rows() if isinstance(each, BadRow)] == rows


def zipped(**members: str | bytes) -> bytes:
    """Return a zip archive; a name's `__` stands for a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


CSV = "symbol,price\nA,1.5\nB,2\n"


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(CSV.encode()),
        gzip.compress(b"symbol,price\nA,1.5\n") + gzip.compress(b"B,2\n"),
        zipped(rows__csv=CSV),
        zipped(one__csv="symbol,price\nA,1.5\n", two__csv="price;symbol\n2;B\n"),
        zipped(rows__txt="Status Report", rows__csv=CSV),
        zipped(rows__csv__gz=gzip.compress(CSV.encode())),
    ],
    ids=["gzip", "gzip, two parts", "zip", "zip, two members", "zip with a report", "gzip in zip"],
)
def test_compressed_file_has_the_rows_of_its_content(tmp_path: Path, content: bytes) -> None:
    """Whatever its name; members of an archive follow each other, each with its own layout."""
    assert read(write(tmp_path, content)) == AB


def test_cut_archive_has_the_rows_before_the_cut(tmp_path: Path) -> None:
    """Then it is an error, and the line that is cut is no row."""
    content = "a,b\n" + "".join(f"{n},{n * 7919 % 10_007}\n" for n in range(50_000))
    packed = gzip.compress(content.encode())
    file = RowFile(write(tmp_path, packed[: len(packed) // 2]))
    rows = []
    with pytest.raises(UnreadableFileError, match="cut off or damaged"):
        rows.extend(file.rows())
    assert 10_000 < len(rows) < 50_000
    assert rows == [
        Row(n + 2, {"a": str(n), "b": str(n * 7919 % 10_007)}) for n in range(len(rows))
    ]


@pytest.mark.parametrize("packed", [zipped(rows__csv="a,b\n" + "1,2\n" * 9), zipped()])
def test_damaged_or_empty_archive_is_refused(tmp_path: Path, packed: bytes) -> None:
    """Half of a zip archive has no directory."""
    path = write(tmp_path, packed[: max(len(packed) // 2, 22)])
    with pytest.raises(UnreadableFileError, match=rf"{path}: "):
        read(path)


def test_progress_is_that_of_the_compressed_file(tmp_path: Path) -> None:
    """It grows from 0 to its size."""
    path = write(tmp_path, gzip.compress(("a,b\n" + "1,2\n" * 100_000).encode()))
    file = RowFile(path)
    assert file.read == 0
    progress = [file.read for _ in file.rows()]
    assert progress == sorted(progress)
    assert file.read == file.size == path.stat().st_size


def test_rows_of_a_bomb_are_read_in_bounded_memory(tmp_path: Path) -> None:
    """A line of 50 MB, in 50 kB."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("rows.csv", "w") as member,
    ):
        member.write(b"a,b\n1,2\n")
        for _ in range(50):
            member.write(bytes(1 << 20))
        member.write(b"\n3,4\n")
    path = write(tmp_path, file.getvalue())
    tracemalloc.start()
    first, bad, last = RowFile(path).rows()
    assert (first.line, bad.reason[:6], last) == (2, "longer", Row(4, {"a": "3", "b": "4"}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_what_was_recognised_is_told_after_the_first_row(tmp_path: Path) -> None:
    """For a summary."""
    file = RowFile(write(tmp_path, gzip.compress("\n Time ;b\n1;2\n".encode("utf-16"))))
    next(file.rows())
    assert file.columns == ("Time", "b")
    assert file.recognised == {
        "compression": "gzip",
        "format": "delimited text",
        "encoding": "utf-16",
        "delimiter": ";",
        "header": "line 2: Time, b",
    }


CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [
                "a",
                "1",
                ",",
                ";",
                "\n",
                "\r",
                '"',
                "{",
                "}",
                "[",
                "]",
                ":",
                '"a"',
                "#",
                "sep=",
                "\0",
                " ",
            ]
        ),
        max_size=30,
    ).map(lambda parts: "".join(parts).encode()),
)


@given(
    CONTENTS, st.sampled_from([bytes, gzip.compress]), st.sampled_from([None, "utf-16", "cp932"])
)
def test_any_file_has_rows_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    pack: Callable[[bytes], bytes],
    encoding: str | None,
) -> None:
    """In one printable line."""
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(pack(content))
    try:
        rows = list(RowFile(path, Layout(encoding=encoding)).rows())
        texts = [each.sample for each in rows if isinstance(each, BadRow)]
    except UnreadableFileError as error:
        texts = [str(error)]
    assert all(map(str.isprintable, texts))
