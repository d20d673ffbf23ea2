"""Behaviour of every command: exit codes, one line for an error, output that is cut off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
FAUST = Path(sys.executable).with_name("faust")


def ended(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, standard output and standard error."""
    done = subprocess.run(
        [FAUST, "-A", "app", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("produce --source simulator --rate 0", "--rate 0 needs --count"),
        ("explain ACME 1769869800000 --window soon", "--window"),
        ("replay --from 2026-01-01 --to 2026-01-02 --set TICKSTREAM_SURGE=x", "TICKSTREAM_SURGE=x"),
        ("rules enable", "which rule?"),
        ("completion tcsh", "tcsh"),
        ("model Tik", "Tik"),
    ],
)
def test_options_that_make_no_sense_end_with_2_and_a_line_that_names_them(
    arguments: str, named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever finds it: click, or the command itself."""
    monkeypatch.setenv("APP_DATADIR", str(tmp_path / "data"))
    code, out, said = ended(*arguments.split())
    assert (code, out) == (2, "")
    assert named in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", ["tables", "settings", "rules"])
def test_a_command_whose_reader_has_gone_says_nothing(
    arguments: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As behind `| head`: no traceback, and no word of a database that can't be used."""
    monkeypatch.setenv("APP_DATADIR", str(tmp_path / "data"))
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [FAUST, "-A", "app", *arguments.split()],
        cwd=REPOSITORY,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)
    # As by SIGPIPE.
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_type_of_record_is_shown_with_its_fields_and_topics() -> None:
    """Ours are none of Faust's models."""
    code, out, said = ended("model", "Tick")
    assert (code, said) == (0, "")
    assert out.startswith("Tick: One trade")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}
    assert rows["price"] == ["float"]
    assert rows["size"] == ["int", "|", "float", "0"]
    assert "In ticks." in out
    _, listed, _ = ended("models")
    assert "Tick" in {line.split()[0] for line in listed.splitlines() if line.split()}
