"""Reader of the rows of one file, whose format is recognised."""

import os
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path

from eventfold.connectors.rows.compression import PIECE, DamagedError, Member, unpacked
from eventfold.connectors.rows.delimited import DelimitedReader
from eventfold.connectors.rows.dialect import DELIMITER_NAMES, recognise_dialect
from eventfold.connectors.rows.json_rows import JsonReader, recognise_json
from eventfold.connectors.rows.parquet_rows import MAGIC, ParquetReader
from eventfold.connectors.rows.row import BadRow, Layout, Row, UnreadableFileError
from eventfold.connectors.rows.text import decoded, lines_of, recognise_encoding

_FOREIGN = {
    b"PAR1": "Parquet within an archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it first",
    b"\xd0\xcf\x11\xe0": "a workbook or document, no rows: save it as CSV first",
    b"%PDF-": "a PDF, no rows",
    b"SQLite format 3": "a database of SQLite: export its table as CSV first",
    b"ARROW1\0\0": "an Arrow file: save it as Parquet first",
    b"<!doctype": "a web page, no rows: has the download failed?",
    b"<html": "a web page, no rows: has the download failed?",
    b"<?xml": "XML, no rows: save it as CSV first",
}


class RowFile:
    r"""Rows of one file, in its order, in bounded memory; bad lines are returned as such.

    >>> path = Path(getfixture("tmp_path"), "trades.csv")
    >>> _ = path.write_text("symbol;price\nA;1,5\nB\n")
    >>> file = RowFile(path)
    >>> for row in file.rows():
    ...     print(row)
    Row(line=2, values={'symbol': 'A', 'price': '1,5'})
    BadRow(line=3, reason='1 cell, the header has 2', sample='B')
    >>> file.recognised["delimiter"]
    ';'
    """

    def __init__(self, path: Path, layout: Layout = Layout()) -> None:  # noqa: B008 - frozen
        self._path = path
        self._layout = layout
        #: Size of the file in bytes; 0 before it is opened.
        self.size = 0
        #: What was recognised (format, compression, encoding, delimiter, header), after a row.
        self.recognised: dict[str, str] = {}
        #: Names of the columns, after a row; None where each row names its own (JSON objects).
        self.columns: tuple[str, ...] | None = None
        self._raw: BufferedReader | None = None
        self._read = 0

    @property
    def read(self) -> int:
        """Bytes of the file that have been read; compressed bytes if it is compressed."""
        return self._read if self._raw is None else self._raw.tell()

    def rows(self) -> Iterator[Row | BadRow]:
        """Return an iterator of each row or bad row; members of a zip archive follow each other.

        Raises UnreadableFileError if the file can't be opened, if its columns have no names, or if
        it is cut off or damaged; then the rows before the damage have been yielded.
        """
        return chain.from_iterable(self._batches())

    def _batches(self) -> Iterator[Iterable[Row | BadRow]]:
        try:
            with self._path.open("rb") as raw:
                self.size, self._read = os.fstat(raw.fileno()).st_size, 0
                if raw.peek(4).startswith(MAGIC):
                    yield from self._parquet_batches()
                else:
                    yield from self._unpacked_batches(raw)
                self._read = self.size
        except DamagedError as error:
            raise UnreadableFileError(f"{self._path}: cut off or damaged: {error}") from error
        except OSError as error:
            raise UnreadableFileError(f"{self._path}: {error.strerror or error}") from error
        except ValueError as error:
            raise UnreadableFileError(f"{self._path}: {error}") from error

    def _unpacked_batches(self, raw: BufferedReader) -> Iterator[Iterable[Row | BadRow]]:
        self._raw = raw
        try:
            for member in unpacked(raw):
                yield from self._member_batches(member)
        finally:
            self._read, self._raw = raw.tell(), None

    def _parquet_batches(self) -> Iterator[Iterable[Row | BadRow]]:
        reader = ParquetReader(self._path)
        self.columns = reader.columns
        self.recognised = {"format": "Parquet", "header": ", ".join(reader.columns)}
        for batch in reader.batches():
            yield batch
            self._read = self.size * batch[-1].line // reader.count

    def _member_batches(self, member: Member) -> Iterator[Iterable[Row | BadRow]]:
        head = next(member.pieces, b"")
        for magic, reason in _FOREIGN.items():
            if head.lstrip()[: len(magic)].lower() == magic.lower():
                raise ValueError(reason)
        encoding = recognise_encoding(head, self._layout.encoding)
        texts = decoded(chain([head], member.pieces), encoding)
        first = next(texts, "")
        texts = chain([first], texts)
        self.recognised = {"compression": member.compression} if member.compression else {}
        json = None if self._layout.delimiter else recognise_json(first)
        self.recognised |= {"format": json or "delimited text", "encoding": encoding}
        if member.name:
            self.recognised["member"] = member.name
        if json is not None:
            return self._json_batches(json, texts, encoding)
        lines = first.split("\n")
        if len(head) >= PIECE:
            lines[1:] = lines[1:-1]  # the last one may go on in the next piece
        batches = self._delimited_batches(lines, texts, encoding)
        if not self.columns and len(head) >= PIECE:
            raise ValueError(f"no header and no row within the first {PIECE} bytes")
        return batches

    def _json_batches(
        self, form: str, texts: Iterator[str], encoding: str
    ) -> Iterator[Iterable[Row | BadRow]]:
        reader = JsonReader(self._layout, encoding)
        if form == "JSON lines":
            batches = reader.batches_of_lines(lines_of(texts))
        else:
            batches = reader.batches_of_values(texts)
        for batch in batches:
            self.columns = reader.columns
            yield batch

    def _delimited_batches(
        self, head: list[str], texts: Iterator[str], encoding: str
    ) -> Iterator[Iterable[Row | BadRow]]:
        dialect = recognise_dialect(head, self._layout, encoding)
        self.columns = dialect.columns
        delimiter = DELIMITER_NAMES.get(dialect.delimiter, dialect.delimiter)
        self.recognised |= {"delimiter": delimiter, "header": dialect.header}
        reader = DelimitedReader(dialect, encoding, self._layout.comment)
        return reader.batches(lines_of(texts))
