"""Behaviour of every command: exit codes, one line for an error, output that is cut off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
FAUST = Path(sys.executable).with_name("faust")


def run_command(*arguments: str) -> tuple[int, str, str]:
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
def test_invalid_option_ends_with_2_and_a_line_that_names_it(
    arguments: str, named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whether click or the command itself detects it."""
    monkeypatch.setenv("APP_DATADIR", str(tmp_path / "data"))
    code, out, errors = run_command(*arguments.split())
    assert (code, out) == (2, "")
    assert named in errors.splitlines()[-1]
    assert "Traceback" not in errors


@pytest.mark.parametrize("arguments", ["tables", "settings", "rules"])
def test_command_with_a_closed_pipe_prints_no_error(
    arguments: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As before `| head`: no traceback, and no message about a database."""
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


def test_model_prints_a_record_type_with_its_fields_and_topics() -> None:
    """Our record types are no models of Faust."""
    code, out, errors = run_command("model", "Tick")
    assert (code, errors) == (0, "")
    assert out.startswith("Tick: One trade")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}
    assert rows["price"] == ["float"]
    assert rows["size"] == ["int", "|", "float", "0"]
    assert "In ticks." in out
    _, listed, _ = run_command("models")
    assert "Tick" in {line.split()[0] for line in listed.splitlines() if line.split()}


def test_dry_run_of_a_log_file_prints_records_and_what_was_recognised(tmp_path: Path) -> None:
    """Without a broker; the exit code is that of the real run."""
    path = tmp_path / "app.log"
    path.write_text("2024-05-06 07:08:09 WARN a.B: full\nrubbish\n")
    code, out, errors = run_command("produce", "--source", f"log:{path}", "--dry-run")
    record, *summary = out.splitlines()
    assert '"severity":4' in record
    assert '"message":"full"' in record
    assert summary[:2] == ["2 lines read", "  text with a time: 1"]
    assert "'rubbish'" in summary[-1]
    assert (code, errors) == (
        3,
        "app.log: 50.0% of the lines were left out, more than 1.0% (--allow-bad)\n",
    )
