"""Results as data frames."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import polars as pl

from eventfold.extras import demand

#: Forms of a result.
Form = Literal["polars", "arrow", "pandas"]

#: Fields of results that are times (ms since the epoch).
TIMES = ("start", "end", "time")

_TYPES = {"int": pl.Int64, "float": pl.Float64, "str": pl.String, "bool": pl.Boolean}
_TIME = pl.Datetime("ms", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def frame(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pl.DataFrame:
    """Return rows as a data frame; times are datetimes in UTC.

    `columns` are the types of the columns that are known: there even if there is no row. What
    is no number, text or truth value has the type that its values have.
    """
    types = {name: _TYPES.get(kind, pl.Null) for name, kind in columns.items()}
    if not rows:
        return _timed(pl.DataFrame(schema=types))
    known = {name: kind for name, kind in types.items() if kind != pl.Null}
    present = {name for row in rows for name in row}
    overrides = {name: kind for name, kind in known.items() if name in present}
    return _timed(pl.DataFrame(rows, schema_overrides=overrides, infer_schema_length=None))


def _timed(table: pl.DataFrame) -> pl.DataFrame:
    times = [name for name in TIMES if table.schema.get(name) == pl.Int64]
    return table.with_columns(pl.col(name).cast(_TIME) for name in times)


def timed(record: Any) -> Any:
    """Return a record with datetimes for its times."""
    if not isinstance(record, dict):
        return record
    return record | dict(_datetimes(record))


def _datetimes(record: Mapping[str, Any]) -> Iterator[tuple[str, datetime]]:
    for name in TIMES:
        ms = record.get(name)
        if isinstance(ms, int):
            yield name, _EPOCH + timedelta(milliseconds=ms)


def formed(table: pl.DataFrame, form: Form) -> Any:
    """Return a data frame in a form. Raises MissingExtraError if its package is not installed."""
    if form == "polars":
        return table
    demand("pyarrow", "pandas", f"as_={form!r}")
    if form == "arrow":
        return table.to_arrow()
    demand("pandas", "pandas", f"as_={form!r}")
    return table.to_pandas()
