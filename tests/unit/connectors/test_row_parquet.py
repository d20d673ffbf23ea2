"""Rows of Parquet files: their types, in batches, and what is said of those that can't be read."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from eventfold.connectors.rows import Row, RowFile, UnreadableFileError
from eventfold.connectors.rows.parquet_rows import BATCH


def test_values_keep_their_types(tmp_path: Path) -> None:
    """Nulls are absent."""
    at = datetime(2024, 1, 1, tzinfo=UTC)
    path = tmp_path / "rows"
    frame = pl.DataFrame({"Time": [at, at], "price": [1.5, None], "size": [3, 4], "s": ["A", "B"]})
    frame.write_parquet(path)
    file = RowFile(path)
    assert list(file.rows()) == [
        Row(1, {"Time": at, "price": 1.5, "size": 3, "s": "A"}),
        Row(2, {"Time": at, "size": 4, "s": "B"}),
    ]
    assert file.columns == ("Time", "price", "size", "s")
    assert file.recognised["format"] == "Parquet"
    assert file.read == file.size > 0


def test_rows_of_all_batches_come_in_order(tmp_path: Path) -> None:
    """Each once."""
    path = tmp_path / "rows"
    numbers = range(2 * BATCH + 10)
    pl.DataFrame({"n": numbers}).write_parquet(path, row_group_size=BATCH // 3)
    assert [row.values["n"] for row in RowFile(path).rows() if isinstance(row, Row)] == [*numbers]


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    """In one line."""
    path = tmp_path / "rows"
    pl.DataFrame({"n": range(10)}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableFileError, match=rf"\A{path}: cut off or damaged: .*\Z"):
        list(RowFile(path).rows())


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install it."""
    path = tmp_path / "rows"
    pl.DataFrame({"n": range(10)}).write_parquet(path)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(
        UnreadableFileError, match=r"rows: reading Parquet: polars is not .* pip install"
    ):
        list(RowFile(path).rows())
