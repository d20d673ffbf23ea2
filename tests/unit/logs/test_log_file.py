"""Reading a log file: to its end, and following it as it grows, is rotated or truncated."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.logs.files import Chunk, LogFile, UnreadableLogError
from eventfold.connectors.position import Position


async def whole(path: Path) -> list[str]:
    """Return the lines of a file."""
    return [line async for chunk in LogFile(path).chunks() for line in chunk.lines if line]


class Following:
    """A file that is followed, and steps that change it."""

    def __init__(
        self, path: Path, *, only_new: bool = False, position: Position | None = None
    ) -> None:
        self._file = LogFile(path, follow=True, only_new=only_new)
        if position is not None:
            self._file.resume(position)
        self._chunks: AsyncIterator[Chunk] = self._file.chunks()

    async def next(self, number: int) -> list[str]:
        """Return the next lines, as many as `number`."""
        found: list[str] = []
        while len(found) < number:
            found += [line for line in (await anext(self._chunks)).lines if line]
        return found

    async def idle(self) -> None:
        """Read until the file has nothing more."""
        while (await anext(self._chunks)).lines:
            pass


def append(path: Path, text: str) -> None:
    """Add a text to a file."""
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize(
    "content",
    [
        "one\ntwö\n".encode(),
        "one\r\ntwö".encode(),
        b"\xef\xbb\xbf" + "one\ntwö".encode(),
        "\ufeffone\ntwö\n".encode("utf-16-le"),
        "\ufeffone\ntwö\n".encode("utf-16-be"),
        gzip.compress("one\ntwö\n".encode()),
    ],
    ids=["utf-8", "crlf", "bom", "utf-16-le", "utf-16-be", "gzip"],
)
async def test_whole_file_is_read_in_its_encoding(tmp_path: Path, content: bytes) -> None:
    """The last line with or without a line break."""
    path = tmp_path / "log"
    path.write_bytes(content)
    assert [line.strip("\r\ufeff") for line in await whole(path)] == ["one", "twö"]


async def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """One that is not there, and one that is cut off."""
    with pytest.raises(UnreadableLogError, match="nothing: No such file"):
        await whole(tmp_path / "nothing")
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"one\n" * 999)[:-9])
    with pytest.raises(UnreadableLogError, match=r"log\.gz: "):
        await whole(tmp_path / "log.gz")


async def test_line_is_read_when_it_is_complete(tmp_path: Path) -> None:
    """A writer may have written half of it."""
    path = tmp_path / "log"
    path.write_text("one\ntw")
    followed = Following(path)
    assert await followed.next(1) == ["one"]
    await followed.idle()
    append(path, "o\nthree\n")
    assert await followed.next(2) == ["two", "three"]


async def test_only_new_lines_are_read(tmp_path: Path) -> None:
    """What is in the file at the start is skipped."""
    path = tmp_path / "log"
    path.write_text("one\n")
    followed = Following(path, only_new=True)
    await followed.idle()
    append(path, "two\n")
    assert await followed.next(1) == ["two"]


async def test_rotated_file_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    """Also what its writer adds after the renaming; the new one need not be there at once."""
    path, old = tmp_path / "log", tmp_path / "log.1"
    path.write_text("one\n")
    followed = Following(path)
    assert await followed.next(1) == ["one"]
    path.rename(old)
    await followed.idle()
    append(old, "two\n")
    path.write_text("three\n")
    assert await followed.next(2) == ["two", "three"]


def shorten(path: Path) -> None:
    """Truncate a file and write less than there was."""
    path.write_text("two\n")


def replace(path: Path) -> None:
    """Truncate a file and write more than there was."""
    path.write_text("two\nand more than before\n")


@pytest.mark.parametrize("change", [shorten, replace])
async def test_truncated_file_is_read_from_its_beginning(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """Even if it has grown beyond its old size before it is looked at."""
    path = tmp_path / "log"
    path.write_text("the first one\n")
    followed = Following(path)
    assert await followed.next(1) == ["the first one"]
    change(path)
    assert (await followed.next(1))[0] == "two"


async def test_resumed_file_goes_on_through_the_rotations_since(tmp_path: Path) -> None:
    """What is left of the file that was read, then those that followed it; no other file."""
    path = tmp_path / "log"
    path.write_text("one\ntwö\nthree\n")
    chunk = await anext(LogFile(path, follow=True).chunks())
    position = chunk.content.position(chunk.starts[2])
    for number, name in enumerate(("log.2", "log.1")):
        path.rename(tmp_path / name)
        os.utime(tmp_path / name, (number, number))
        path.write_text(f"after {name}\n")
    (tmp_path / "log.old").write_text("another\n")
    assert await Following(path, position=position).next(3) == [
        *("three", "after log.2", "after log.1")
    ]


@pytest.mark.parametrize("change", [shorten, replace, Path.unlink])
async def test_file_whose_read_content_is_gone_is_read_from_its_beginning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: Callable[[Path], None]
) -> None:
    """Truncated or removed while nobody followed it: a warning names the file."""
    path = tmp_path / "log"
    path.write_text("the first one\n")
    chunk = await anext(LogFile(path, follow=True).chunks())
    change(path)
    with path.open("a") as file:
        file.write("the last one\n")
    lines = await Following(path, position=chunk.content.position(chunk.end)).next(1)
    assert lines[0] in {"two", "the last one"}
    assert f"{path}: what was read last was truncated" in caplog.text


async def test_follower_lets_others_run(tmp_path: Path) -> None:
    """It never holds the event loop while it waits for the file to grow."""
    path = tmp_path / "log"
    path.touch()
    followed = Following(path)
    waiting = asyncio.create_task(followed.next(1))
    await asyncio.to_thread(append, path, "one\n")
    assert await waiting == ["one"]
