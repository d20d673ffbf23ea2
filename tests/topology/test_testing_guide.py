"""The guide to testing is correct: its example is run as a user would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eventfold.testing import TopologyDriver

REPOSITORY = Path(__file__).parents[2]
GUIDE = (REPOSITORY / "docs" / "testing.md").read_text()


@pytest.fixture
def example() -> str:
    """Return the one example of the guide."""
    (found,) = re.findall(r"^```python\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE)
    return found


def test_the_example_passes(example: str, tmp_path: Path) -> None:
    """It runs in a process of its own, beside a user's module."""
    (tmp_path / "test_visits.py").write_text(example)
    # Without the variable, as for a user: other tests of this directory set it.
    environment = {key: os.environ[key] for key in os.environ if key != "TICKSTREAM_MAX_AHEAD"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=REPOSITORY,
        env=environment | {"PYTHONPATH": str(REPOSITORY / "tests" / "own")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_example_is_formatted(example: str) -> None:
    """The formatter of this project leaves it unchanged."""
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "format", "--stdin-filename", "docs/example.py", "-"],
        cwd=REPOSITORY,
        input=example,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == example


def test_the_guide_names_everything_a_driver_can_do() -> None:
    """It names no other methods."""
    table = GUIDE.partition("## What you can do")[2].partition("## What it is not")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)", cell)}
    public = {name for name in vars(TopologyDriver) if not name.startswith("_")}
    assert named == public
