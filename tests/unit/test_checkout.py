"""The checkout as a newcomer uses it: through its commands, from its own environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's programs with nothing of ours in the environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    program = Path(sys.executable).with_name(command[0])
    return subprocess.run(
        [program, *command[1:]],
        cwd=cwd,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_agents_are_listed_without_a_python_path() -> None:
    """After `make install`, `faust -A app agents` finds every agent."""
    listed = run("faust", "-A", "app", "agents", cwd=REPOSITORY)
    assert listed.returncode == 0, listed.stderr
    for agent in ("fold_candles", "fold_days", "rank_gainers", "fold_surges", "keep_latest_surges"):
        assert agent in listed.stdout


def test_the_tables_are_faust_tables() -> None:
    """`faust -A app tables` names the tables and what they hold."""
    listed = run("faust", "-A", "app", "tables", cwd=REPOSITORY)
    for table in ("candles", "days", "gainers", "surges", "latest-surges"):
        assert table in listed.stdout


def test_commands_run_from_another_directory(tmp_path: Path) -> None:
    """The checkout is installed."""
    assert run("faust", "-A", "app", "agents", cwd=tmp_path).returncode == 0


def test_one_pipeline_can_run_alone() -> None:
    """TICKSTREAM_PIPELINES loads the agents and tables of the pipelines it names, no others."""
    listed = run("faust", "-A", "app", "tables", cwd=REPOSITORY, TICKSTREAM_PIPELINES="gainers")
    assert "days" in listed.stdout
    assert "candles" not in listed.stdout


def test_unknown_pipeline_is_named() -> None:
    """An unknown pipeline stops the start with one line that lists those there are."""
    refused = run("faust", "-A", "app", "tables", cwd=REPOSITORY, TICKSTREAM_PIPELINES="candels")
    assert refused.returncode == 1
    there = sorted(path.stem for path in (REPOSITORY / "agents").glob("[a-z]*.py"))
    assert refused.stderr.strip() == (
        f"TICKSTREAM_PIPELINES: there is no pipeline 'candels'; there are {', '.join(there)}, or "
        "none for none of them"
    )


def test_a_retention_that_is_too_short_is_refused() -> None:
    """A table that would delete windows before they are final stops the start with one line."""
    refused = run("faust", "-A", "app", "tables", cwd=REPOSITORY, TICKSTREAM_RETENTION="1h")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "TICKSTREAM_RETENTION=1h is shorter than the longest of TICKSTREAM_WINDOWS and its grace, "
        "28h"
    )


def test_an_empty_variable_is_an_unset_one() -> None:
    """Compose and shells leave empty variables behind; the default holds then, for Faust too."""
    listed = run("faust", "-A", "app", "agents", cwd=REPOSITORY, BROKER_URL="", WEB_PORT="")
    assert listed.returncode == 0, listed.stderr


@pytest.mark.parametrize("arguments", [("chaos", "RUNS=0"), ("fuzz", "MINUTES=0")])
def test_a_command_of_the_makefile_finds_what_it_imports(arguments: tuple[str, str]) -> None:
    """Nothing else runs it: it is for whoever looks for faults for an hour."""
    made = subprocess.run(
        ["make", f"VENV={Path(sys.executable).parents[1]}", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "0 runs" in made.stdout
