"""`faust -A app produce --source log:PATH` on a real broker."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from new_topics import contents, new_topic
from waiting import until

Start = Callable[..., subprocess.Popen[str]]

LINE = "2024-05-06T07:08:09Z web-1 app[7]: number {} failed\n"


@pytest.fixture
def topic(bootstrap: str) -> str:
    """Create a topic of three partitions."""
    return new_topic(bootstrap)


@pytest.fixture
def produce(faust: Start, bootstrap: str, topic: str) -> Start:
    """Start the command into the topic."""

    def start(*arguments: str) -> subprocess.Popen[str]:
        return faust("produce", "--topic", topic, *arguments, BROKER_URL=bootstrap)

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a command to end; return its exit code and all its output."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def messages(bootstrap: str, topic: str) -> list[str]:
    """Return the messages of the lines in a topic, all of one key, in order."""
    found = contents(bootstrap, topic)
    assert {key for key, _ in found} <= {b"web-1"}
    return [json.loads(value)["message"] for _, value in found]


def test_every_line_is_sent_or_counted(
    produce: Start, bootstrap: str, topic: str, tmp_path: Path
) -> None:
    """Exit code 3 where more is left out than is allowed; the rest is sent all the same."""
    path = tmp_path / "app.log"
    path.write_text("".join(LINE.format(number) for number in range(48)) + "rubbish\nmore\n")
    code, output = ended(produce("--source", f"log:{path}"))
    assert code == 3, output
    assert "app.log: 4.0% of the lines were left out" in output
    assert "2, the first in line 49: 'rubbish'" in output
    assert messages(bootstrap, topic) == [f"number {number} failed" for number in range(48)]
    code, output = ended(produce("--source", f"log:{path}", "--allow-bad", "5%"))
    assert (code, len(contents(bootstrap, topic))) == (0, 96), output


def test_followed_file_is_sent_through_its_rotation_until_it_is_stopped(
    produce: Start, bootstrap: str, topic: str, tmp_path: Path
) -> None:
    """Each line once, in order, whichever file it was written to."""
    path = tmp_path / "app.log"
    path.write_text(LINE.format(0))
    process = produce("--source", f"log:{path}", "--follow")
    until(lambda: len(contents(bootstrap, topic)) == 1)
    with path.open("a") as file:
        file.write(LINE.format(1))
    until(lambda: len(contents(bootstrap, topic)) == 2)
    path.rename(tmp_path / "app.log.1")
    path.write_text(LINE.format(2))
    until(lambda: len(contents(bootstrap, topic)) == 3)
    process.send_signal(signal.SIGINT)
    code, output = ended(process)
    assert code == 0, output
    assert "3 lines read" in output
    assert messages(bootstrap, topic) == [f"number {number} failed" for number in range(3)]


def test_killed_follower_goes_on_where_it_was(
    produce: Start, bootstrap: str, topic: str, tmp_path: Path
) -> None:
    """Each line is in the topic once: those written meanwhile, and those of a rotated file too."""
    path = tmp_path / "app.log"
    lines = [LINE.format(number) for number in range(60_000)]
    path.write_text("".join(lines[:50_000]))
    process = produce("--source", f"log:{path}", "--follow")
    until(lambda: len(contents(bootstrap, topic)) > 1_000)
    process.kill()
    process.wait()
    with path.open("a") as file:
        file.writelines(lines[50_000:55_000])
    path.rename(tmp_path / "app.log.1")
    path.write_text("".join(lines[55_000:]))
    process = produce("--source", f"log:{path}", "--follow")
    until(lambda: len(contents(bootstrap, topic)) >= len(lines))
    process.send_signal(signal.SIGINT)
    code, output = ended(process)
    assert code == 0, output
    expected = [f"number {number} failed" for number in range(len(lines))]
    assert messages(bootstrap, topic) == expected
    code, output = ended(
        produce("--source", f"log:{path}", "--follow", "--from-start", "--count", "9")
    )
    assert code == 0, output
    assert messages(bootstrap, topic) == [*expected, *expected[55_000:55_009]]


def test_second_follower_of_a_file_ends_the_first(
    produce: Start, bootstrap: str, topic: str, tmp_path: Path
) -> None:
    """With one line; no line is in the topic twice."""
    path = tmp_path / "app.log"
    path.write_text(LINE.format(0))
    first = produce("--source", f"log:{path}", "--follow")
    until(lambda: len(contents(bootstrap, topic)) == 1)
    second = produce("--source", f"log:{path}", "--follow", "--count", "1")
    written = 0
    while first.poll() is None and written < 9_999:
        written += 1
        with path.open("a") as file:
            file.write(LINE.format(written))
        until(
            lambda most=written: len(contents(bootstrap, topic)) > most or first.poll() is not None
        )
    code, output = ended(first)
    assert code == 1, output
    assert "a later process sends the same as tickstream-log-" in output
    assert ended(second)[0] == 0
    found = messages(bootstrap, topic)
    assert found == [f"number {number} failed" for number in range(len(found))]
