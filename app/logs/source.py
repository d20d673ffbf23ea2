"""Source of log lines in a file: `produce --source log:PATH`."""

import math
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import msgspec

from app.logs.files import Content, LogFile, UnreadableLogError
from app.logs.lines import NOTICE, parse_line
from app.logs.records import Read
from app.logs.severity import parse_severity
from app.logs.topics import LOGS
from app.logs.years import latest
from eventfold.cli.command import CommandError, OptionError
from eventfold.connectors import Record
from eventfold.connectors.input_report import InputReport
from eventfold.connectors.position import Position
from eventfold.records.fields import EARLIEST, MAX_TEXT
from eventfold.topics import DAY

#: Seconds after which the position in a file that does not grow is committed again: Kafka forgets
#: those that are older than `offsets.retention.minutes`, 7 days.
REFRESH = 3600

_encode = msgspec.json.Encoder().encode

#: Lines that belong to the one before: stack traces of Java, Python, .NET and Go.
_CONTINUES = re.compile(
    r"[ \t]+(?![ \t{<])|Caused by: |Suppressed: |Traceback \(|[\w.$]+(?:Error|Exception)\b"
)
#: Octet counts of frames that follow each other without a line break.
_FRAME = re.compile(rb"(\d{1,7}) <\d{1,3}>")


class LogSource:
    """Records of the lines of a log file, in the form of the topics `logs-…`.

    The options are those of `produce`: `follow`, `only_new`, `zone` (a tzinfo or None), `severity`
    (of lines that have none; notice by default, as RFC 3164, section 4.3.3).
    """

    topic = LOGS

    def __init__(self, path: Path, options: Mapping[str, Any]) -> None:
        self.report = InputReport()
        self._path, self._follow = path, bool(options.get("follow"))
        self._file = LogFile(path, follow=self._follow, only_new=bool(options.get("only_new")))
        self._has_zone = options.get("zone") is not None
        self._zone: tzinfo = options.get("zone") or UTC
        try:
            severity = options.get("severity")
            self._severity = NOTICE if severity is None else parse_severity(severity)
        except ValueError as error:
            raise OptionError(str(error).replace("severity:", "--severity:", 1)) from error
        self._number = 0
        #: Where the first line begins that the next records will be made of.
        self._place: tuple[Content, int] | None = None
        self._yielded = -math.inf
        self._open: Read | None = None
        self._is_after_bad = False
        self._last_time = 0

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        return self._file.position

    def sent(self) -> Position:
        """Return the position in the file after the records that were yielded."""
        content, offset = self._place or (Content(0), 0)
        return content.position(offset)

    def resume(self, position: Position) -> None:
        """Begin at a position that `sent` returned in an earlier process."""
        self._file.resume(position)

    async def slices(self, count: int | None = None) -> AsyncIterator[list[Record]]:
        """Yield the records of lines, some at a time; only the first `count` if that is set.

        A file that is followed and does not grow yields no records now and then, so that its
        position is committed. Raises CommandError if the file can't be read.
        """
        left = sys.maxsize if count is None else count
        try:
            async for chunk in self._file.chunks():
                reads: list[Read] = []
                ends = [*chunk.starts[1:], chunk.end]
                for line, start, end in zip(chunk.lines, chunk.starts, ends, strict=False):
                    if len(reads) >= left:
                        break
                    reads += self._reads(line, (chunk.content, start))
                    if self._open is None and not self._is_after_bad:
                        self._place = chunk.content, end
                if not chunk.lines:  # an entry may go on in the next chunk, but not after a pause
                    reads += self._close()
                    self._place = chunk.content, chunk.end
                records = [self._record(read) for read in reads[:left]]
                if records or (not chunk.lines and self._is_due()):
                    self._yielded = time.monotonic()
                    yield records
                left -= len(records)
                if left == 0:
                    return
        except UnreadableLogError as error:
            raise CommandError(str(error)) from error
        records = [self._record(read) for read in self._close()[:left]]
        if records:
            yield records

    def _is_due(self) -> bool:
        return self._follow and time.monotonic() - self._yielded >= REFRESH

    def _reads(self, line: str, place: tuple[Content, int]) -> Iterator[Read]:
        """Yield the entries that are complete with this line, which begins at `place`."""
        self._number += 1
        frames = _frames(line)
        for text in frames:
            if not text or text.isspace():
                continue
            if _CONTINUES.match(text) and self._continue(text):
                continue
            yield from self._close()
            self._place = place
            self.report.read += 1
            try:
                read = parse_line(text, self._zone, self._severity)
            except ValueError as error:
                self._leave_out(str(error), text)
                self._is_after_bad = True
            else:
                self._open, self._is_after_bad = read, False
        if len(frames) > 1:  # sent together: a position is that of a line
            yield from self._close()

    def _continue(self, text: str) -> bool:
        """Add a line to the entry before, if there is one; return whether it is dealt with."""
        if self._is_after_bad:
            self.report.read += 1
            self._leave_out("it continues a line that was left out", text)
            return True
        if self._open is None:
            return False
        read = self._open
        message = f"{read.line.message}\n{text.rstrip()}"
        self.report.read += 1
        if len(message) > MAX_TEXT:
            self._leave_out(f"message: with it, it has more than {MAX_TEXT:,} characters", text)
            return True
        self._open = read._replace(line=msgspec.structs.replace(read.line, message=message))
        self.report.note("continuation of the line before")
        return True

    def _leave_out(self, reason: str, text: str) -> None:
        self.report.leave_out(reason, f"line {self._number:,}", text)

    def _close(self) -> list[Read]:
        """Return the last entry, if there is one: no further line belongs to it."""
        read, self._open = self._open, None
        return [] if read is None else [read, *read.more]

    def _record(self, read: Read) -> Record:
        report, line = self.report, read.line
        report.note(read.shape)
        if read.severity_from != "stated":
            words = "severity: from words of the message"
            assumed = f"severity: none, {self._severity} assumed (--severity)"
            report.note(words if read.severity_from == "words" else assumed)
        if read.assumed:
            report.note(f"time: {read.assumed}, assumed")
        moment = line.time if line.time >= EARLIEST else self._missing_time(read)
        if not read.has_zone:
            report.note_zone(self._zone, is_given=self._has_zone)
        line = msgspec.structs.replace(line, time=moment)
        self._last_time = moment
        # Without a host, one file's lines still keep their order.
        key = (line.host or self._path.name).encode()
        return key, _encode(line), moment

    def _missing_time(self, read: Read) -> int:
        """Return the time of a line without one, or without its year."""
        now = int(time.time() * 1000)
        changed = now if self._follow else self._file.changed or now
        if read.bsd_time:
            found = latest(read.bsd_time, changed + DAY, self._zone)
            if found is not None:
                year = datetime.fromtimestamp(found / 1000, self._zone).year
                self.report.note(
                    f"time: no year, {year} assumed, the last before the file's change"
                )
                return found
        self.report.note("time: none that can be read, that of the line before assumed")
        return self._last_time or changed


def _frames(line: str) -> list[str]:
    """Split a line into frames with octet counts (RFC 6587, 3.4.1), if it has several."""
    if not line[:1].isdigit() or "<" not in line[:9]:
        return [line]
    rest, frames = line.encode(), []
    while (
        (found := _FRAME.match(rest))
        and len(rest) > (end := found.end(1) + 1 + int(found[1]))
        and _FRAME.match(rest, end)
    ):
        frames.append(rest[:end].decode(errors="replace"))
        rest = rest[end:]
    return [*frames, rest.decode(errors="replace")]
