"""Source of log lines: records sent, what was assumed, and what was left out with its reason."""

import json
import os
import time
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.logs import files
from app.logs.lines import read_line
from app.logs.source import LogSource
from eventfold.cli.command import CommandError, OptionError
from eventfold.connectors.input_report import LeftOutError


async def sent(source: LogSource, count: int | None = None) -> list[dict[str, Any]]:
    """Return the values that a source sends."""
    slices = [records async for records in source.slices(count)]
    return [json.loads(value) for records in slices for _, value, _ in records]


def written(tmp_path: Path, text: str, changed: datetime | None = None) -> Path:
    """Write a log file, last changed at a time."""
    path = tmp_path / "app.log"
    path.write_text(text)
    if changed is not None:
        os.utime(path, (changed.timestamp(), changed.timestamp()))
    return path


async def test_records_have_the_form_of_the_output_topics(tmp_path: Path) -> None:
    """A worker reads from such a record what the source has read from the line."""
    source = LogSource(written(tmp_path, "2024-05-06T07:08:09Z web-1 app[7]: it failed\n"), {})
    ((record,),) = [records async for records in source.slices()]
    key, value, at = record
    assert (key, at) == (b"web-1", 1_714_979_289_000)
    line = read_line(value).line
    assert (line.host, line.app, line.process, line.severity) == ("web-1", "app", "7", 3)
    assert (line.message, line.form, line.time) == ("it failed", "rfc3164", at)


async def test_stack_trace_belongs_to_its_line(tmp_path: Path) -> None:
    """Java's and Python's; an indented object is a line of its own."""
    text = (
        "2024-05-06 07:08:09 ERROR a.B: boom\n"
        "java.lang.IllegalStateException: no\n"
        "\tat a.B.c(B.java:3)\n"
        "Caused by: java.io.IOException\n"
        '  {"level": "info", "msg": "x"}\n'
    )
    first, second = await sent(LogSource(written(tmp_path, text), {}))
    assert first["message"].splitlines()[1:] == text.splitlines()[1:4]
    assert (second["message"], second["severity"]) == ("x", 6)


async def test_every_line_is_sent_or_counted_with_a_sample(tmp_path: Path) -> None:
    """Lines with the same reason are counted together; more than the share allowed is an error."""
    good = "2024-05-06T07:08:09Z INFO x\n"
    bad = "rubbish\n\nmore\n2024-13-06T07:08:09Z INFO x\n\tgoes on\n"
    source = LogSource(written(tmp_path, good * 96 + bad), {})
    assert len(await sent(source)) == 96
    report = source.report
    assert (report.read, report.left_out) == (100, 4)
    assert [
        (each["number"], each["place"], each["sample"]) for each in report.facts()["reasons"]
    ] == [
        (2, "line 97", "rubbish"),
        (1, "line 100", "2024-13-06T07:08:09Z INFO x"),
        (1, "line 101", "\tgoes on"),
    ]
    report.demand(0.04, "app.log")
    with pytest.raises(LeftOutError, match=r"app\.log: 4\.0% of the lines") as error:
        report.demand(0.01, "app.log")
    assert error.value.exit_code == 3


async def test_assumed_year_zone_and_severity_are_in_the_report(tmp_path: Path) -> None:
    """The year is the last that does not put a line after the file's change."""
    text = "Dec 31 23:59:59 h a: opened\nJan  1 00:00:01 h a: opened\n"
    path = written(tmp_path, text, datetime(2024, 1, 2, tzinfo=UTC))
    source = LogSource(path, {"zone": ZoneInfo("Europe/Berlin"), "severity": "info"})
    lines = await sent(source)
    assert [datetime.fromtimestamp(each["time"] / 1000, UTC).isoformat() for each in lines] == [
        "2023-12-31T22:59:59+00:00",
        "2023-12-31T23:00:01+00:00",
    ]
    assert {each["severity"] for each in lines} == {6}
    described = "\n".join(source.report.describe())
    for note in (
        "2 lines read",
        "time: no year, 2023 assumed, the last before the file's change: 1",
        "time: no year, 2024 assumed, the last before the file's change: 1",
        "time: no zone, Europe/Berlin of --zone: 2",
        "severity: none, 6 assumed (--severity): 2",
    ):
        assert note in described
    assert not source.report.warnings


async def test_warning_where_utc_was_assumed_and_local_time_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only if a line has no zone, and none was told."""
    warnings = []
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-2")
        time.tzset()
        for text in ("2024-05-06 07:08:09 INFO x\n", "2024-05-06T07:08:09Z INFO x\n"):
            source = LogSource(written(tmp_path, text), {})
            await sent(source)
            warnings.append(source.report.warnings)
    time.tzset()
    assert "UTC+2" in warnings[0][0]
    assert not warnings[1]


async def test_frames_on_one_line_are_split(tmp_path: Path) -> None:
    """As a TCP stream has them: an octet count before each."""
    frames = ["<34>1 - h a - - - first", "<35>1 - h a - - - sec\u00f6nd"]
    text = "".join(f"{len(frame.encode())} {frame}" for frame in frames)
    lines = await sent(LogSource(written(tmp_path, text), {}))
    assert [each["message"] for each in lines] == ["first", "sec\u00f6nd"]


async def test_count_ends_the_source(tmp_path: Path) -> None:
    """After as many records."""
    source = LogSource(written(tmp_path, "2024-05-06 07:08:09 INFO x\n" * 9), {})
    assert len(await sent(source, 4)) == 4


async def test_errors_are_those_of_a_command(tmp_path: Path) -> None:
    """A file that is not there, and a severity that is none."""
    with pytest.raises(CommandError, match="No such file"):
        await sent(LogSource(tmp_path / "nothing", {}))
    with pytest.raises(OptionError, match=r"^--severity: 'so-so'"):
        LogSource(tmp_path / "nothing", {"severity": "so-so"})


async def test_source_goes_on_at_the_position_of_any_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each entry is sent once, with its stack trace and the frames of its line."""
    monkeypatch.setattr(files, "CHUNK", 7)
    frame = "<34>1 2003-10-11T22:14:15.003Z h su - - - x"
    text = (
        "2024-05-06 07:08:09 ERROR a.B: bööm\n"
        "\tat a.B.c(B.java:3)\n"
        "rubbish\n"
        f"{len(frame)} {frame}{len(frame)} {frame}\n"
        "\n2024-05-06 07:08:09 INFO a.B: last\n"
    )
    path = written(tmp_path, text * 3)
    whole, found, position = await sent(LogSource(path, {})), [], None
    assert len(whole) == 12
    while len(found) < len(whole):
        source = LogSource(path, {"follow": True})
        if position is not None:
            source.resume(position)
        async with aclosing(source.slices()) as slices:
            records = await anext(records async for records in slices if records)
        found += [json.loads(value) for _, value, _ in records]
        position = source.sent()
    assert found == whole
