"""Reader of the rows of one file."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from eventfold.connectors.rows.row import BadRow, Layout, Row, UnreadableFileError, bad_row
from eventfold.decoding import json_decoder

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class RowFile:
    """Rows of one file, in its order, in bounded memory; bad lines are returned as such."""

    def __init__(self, path: Path, layout: Layout = Layout()) -> None:  # noqa: B008 - frozen
        self._path = path
        self._layout = layout
        #: Size of the file in bytes; 0 before it is opened.
        self.size = 0
        #: What was recognised (format, compression, encoding, delimiter, header), after a row.
        self.recognised: dict[str, str] = {}
        #: Names of the columns, after a row; None where each row names its own (JSON objects).
        self.columns: tuple[str, ...] | None = None
        self._raw: IO[bytes] | None = None

    @property
    def read(self) -> int:
        """Bytes of the file that have been read; compressed bytes if it is compressed."""
        if self._raw is None:
            return 0
        return self.size if self._raw.closed else self._raw.tell()

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield each row or bad row.

        Raises UnreadableFileError if the file can't be opened, or is cut off or damaged; then all
        rows before the damage have been yielded.
        """
        with self._opened() as file:
            yield from self._rows(file)

    @contextmanager
    def _opened(self) -> Iterator[io.BufferedReader]:
        try:
            with self._path.open("rb") as raw:
                self._raw, self.size = raw, self._path.stat().st_size
                packed = raw.peek(2).startswith(_GZIP)
                unpacked: Any = gzip.GzipFile(fileobj=raw) if packed else raw
                with io.BufferedReader(unpacked) as file:
                    if file.peek(3).startswith(_BOM):
                        file.read(len(_BOM))
                    yield file
        except (EOFError, zlib.error) as error:
            raise UnreadableFileError(f"{self._path}: cut off or damaged: {error}") from error
        except OSError as error:
            raise UnreadableFileError(f"{self._path}: {error.strerror or error}") from error

    def _rows(self, file: io.BufferedReader) -> Iterator[Row | BadRow]:
        if file.peek(1).lstrip()[:1] == b"{":
            return self._json_rows(file)
        return self._csv_rows(file)

    def _json_rows(self, file: Iterable[bytes]) -> Iterator[Row | BadRow]:
        self.recognised["format"] = "JSON lines"
        decode = json_decoder(dict[str, Any])
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            try:
                fields = decode(line)
                yield Row(number, {name: each for name, each in fields.items() if each is not None})
            except ValueError as error:
                yield bad_row(number, str(error), line.decode(errors="surrogateescape").rstrip())

    def _csv_rows(self, file: Iterable[bytes]) -> Iterator[Row | BadRow]:
        lines = (line.decode("utf-8", "surrogateescape") for line in file)
        reader = csv.reader(lines, delimiter=self._layout.delimiter or ",")
        header = [name.strip() for name in next(reader, [])]
        self.columns = tuple(header)
        self.recognised.update(format="CSV", header=", ".join(header))
        for row in reader:
            if len(row) == len(header):
                cells = zip(header, row, strict=True)
                yield Row(reader.line_num, {name: cell for name, cell in cells if cell})
            elif row:
                reason = f"{len(row)} cells, the header has {len(header)}"
                yield bad_row(reader.line_num, reason, ",".join(row))
