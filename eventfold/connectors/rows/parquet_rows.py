"""Rows of Parquet files, in batches, by polars: the extra `parquet`."""

from collections.abc import Iterator
from pathlib import Path

from eventfold.connectors.rows.compression import DamagedError
from eventfold.connectors.rows.row import BadRow, Row
from eventfold.extras import demand

MAGIC = b"PAR1"
#: Rows that are in memory at once; a batch decodes its row groups anew.
BATCH = 50_000


class ParquetReader:
    """Reader of the rows of one Parquet file.

    Raises ValueError without polars, and DamagedError if the file has no schema that can be read.
    """

    def __init__(self, path: Path) -> None:
        demand("polars", "parquet", "reading Parquet", ValueError)
        import polars as pl  # noqa: PLC0415 - takes 0.3 s, and is an extra

        self._errors = pl.exceptions.PolarsError, OSError
        self._frame = pl.scan_parquet(path)
        try:
            self.columns = tuple(self._frame.collect_schema().names())
            self.count = int(self._frame.select(pl.len()).collect().item())
        except self._errors as error:
            raise DamagedError(_first_line(error)) from error

    def batches(self) -> Iterator[list[Row | BadRow]]:
        """Yield the rows in lists; their lines are their numbers. Raises DamagedError."""
        for begin in range(0, self.count, BATCH):
            try:
                batch = self._frame.slice(begin, BATCH).collect()
            except self._errors as error:
                raise DamagedError(_first_line(error)) from error
            yield [
                Row(number, {n: each for n, each in values.items() if each is not None})
                for number, values in enumerate(batch.iter_rows(named=True), begin + 1)
            ]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
