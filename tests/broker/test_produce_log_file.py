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
