"""Unpacking of files: gzip, bzip2 and xz, and the members of zip archives, piece by piece."""

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import PurePosixPath
from typing import Any

#: Bytes read at once; the first piece has at least as many, or the whole file.
PIECE = 1 << 16
#: Files compressed more often than this are taken for attacks.
MOST_LAYERS = 3

_PACKED: dict[str, tuple[re.Pattern[bytes], Any]] = {
    "gzip": (re.compile(rb"\x1f\x8b"), lambda stream: gzip.GzipFile(fileobj=stream)),
    "bzip2": (re.compile(rb"BZh\d1AY&SY"), bz2.BZ2File),
    "xz": (re.compile(rb"\xfd7zXZ\0"), lzma.LZMAFile),
}
_DATA = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".gz", ".bz2", ".xz"}


class DamagedError(Exception):
    """A file that is cut off or damaged; its rows before the damage have been read."""


@dataclass(frozen=True)
class Member:
    """A file, or one of an archive: its name there, its compression (or ""), and its bytes."""

    name: str
    compression: str
    pieces: Iterator[bytes]


def unpacked(raw: BufferedReader) -> Iterator[Member]:
    """Yield the file, or each member of a zip archive that has rows.

    Read each member before asking for the next. Raises DamagedError for an archive that can't be
    opened, and ValueError for one that has nothing to read.
    """
    if not raw.peek(4).startswith(b"PK\x03\x04"):
        yield _unpack("", raw, [])
        return
    try:
        with zipfile.ZipFile(raw) as archive:
            for each in _members(archive):
                with archive.open(each) as stream:
                    yield _unpack(each.filename, stream, ["zip"])
    except (zipfile.BadZipFile, EOFError) as error:
        raise DamagedError(str(error)) from error
    except RuntimeError as error:  # also NotImplementedError, of its compression
        raise ValueError(f"unpack the archive first: {error}") from error


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members with rows: those named as data, else all.

    Downloads often have a report or a licence beside the data.
    """
    names = archive.namelist()
    if "[Content_Types].xml" in names:
        raise ValueError("a workbook or document, no rows: save it as CSV first")
    members = [
        each
        for each in archive.infolist()
        if not each.is_dir() and not PurePosixPath(each.filename).name.startswith(".")
    ]
    members = [each for each in members if not each.filename.startswith("__MACOSX/")]
    data = [each for each in members if PurePosixPath(each.filename).suffix.lower() in _DATA]
    if not members:
        raise ValueError("the archive is empty")
    return data or members


def _unpack(name: str, stream: Any, layers: list[str]) -> Member:
    try:
        while (kind := _compression(stream.peek(16))) is not None:
            if len(layers) == MOST_LAYERS:
                raise ValueError(f"compressed more than {MOST_LAYERS} times")
            stream = _PACKED[kind][1](stream)
            layers.append(kind)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DamagedError(str(error)) from error
    return Member(name, ", ".join(layers), _pieces(stream))


def _compression(head: bytes) -> str | None:
    return next((kind for kind, (magic, _) in _PACKED.items() if magic.match(head)), None)


def _pieces(stream: Any) -> Iterator[bytes]:
    """Yield the bytes of a stream; all that come before the damage are yielded before its error."""
    first = bytearray()
    try:
        while len(first) < PIECE and (piece := stream.read1(PIECE)):
            first += piece
        yield bytes(first)
        first.clear()
        while piece := stream.read1(PIECE):
            yield piece
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError) as error:
        if first:
            yield bytes(first)
        raise DamagedError(str(error)) from error
