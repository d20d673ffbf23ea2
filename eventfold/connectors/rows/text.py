"""Text of a file: its encoding, and its lines, in bounded memory."""

import codecs
import io
from collections.abc import Iterable, Iterator

from eventfold.connectors.rows.compression import DamagedError

#: Most characters of a line; of a longer one, only its beginning is read.
LONGEST = 1 << 20

_MARKS = {  # the longest first, because UTF-32's begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def recognise_encoding(head: bytes, named: str | None) -> str:
    """Return the encoding of a file: the one that is named, else UTF-16 or UTF-32 if it is marked.

    Raises ValueError if no encoding has that name.
    """
    if named is not None:
        try:
            "".encode(named)
            return codecs.lookup(named).name
        except LookupError:
            raise ValueError(f"no encoding is named {named!r}") from None
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if marked is None and len(head) > 2:
        # Without a mark, UTF-16 shows by the zero in every other byte of plain characters.
        for name, zeros, others in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
            if not any(head[zeros:200:2]) and all(head[others:200:2]):
                return name
    return marked or "utf-8"


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Yield the text of `pieces`, with line feeds for any ends of lines.

    A byte that can't be decoded becomes a lone surrogate, so that it costs only its own line.
    Raises DamagedError if the rest can't be decoded.
    """
    wide = encoding.startswith(("utf-16", "utf-32"))
    errors = "surrogatepass" if wide else "surrogateescape"
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)(errors), translate=True
    )
    begun = wide
    try:
        for each in pieces:
            piece = each if begun else each.removeprefix(codecs.BOM_UTF8)
            begun = True
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DamagedError(f"{error.reason} ({encoding})") from error


def lines_of(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the lines of `texts`, without line feeds, in lists of about a piece each."""
    rest = ""
    for text in texts:
        if len(rest) > LONGEST and "\n" not in text:
            continue
        lines = (rest + text).split("\n")
        rest = lines.pop()[: LONGEST + 1]
        if lines:
            yield lines
    if rest:
        yield [rest]


def describe_flaw(text: str, encoding: str) -> str | None:
    """Return why the text of a row can't be right, or None."""
    if len(text) > LONGEST:
        return f"longer than {LONGEST} characters"
    if "\0" in text:
        return "a NUL byte"
    try:
        text.encode()
    except UnicodeEncodeError:
        if encoding == "utf-8":
            return "not UTF-8: if the file is in Latin-1, add --encoding latin-1"
        return f"not {encoding}"
    return None
