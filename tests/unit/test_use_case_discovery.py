"""A use case is found by its directory alone: settings, simulation, routes and tiles."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
#: The files of a use case that nothing of the application names.
TIDES = {
    "settings.py": """
from pydantic import Field
from app.use_case import PREFIX
from eventfold.environment import Environment

class TideSettings(Environment):
    model_config = PREFIX
    tide_height: float = Field(3.5, gt=0, description="Metres")
""",
    "__init__.py": """
from app.tides.settings import TideSettings
from app.use_case import UseCase

USE_CASE = UseCase("tides", TideSettings, simulation="tides")
""",
    "simulator.py": """
from msgspec import Struct
from eventfold.connectors.simulations import Simulation, into
from eventfold.topics import Topic

class Level(Struct):
    port: str
    time: int

TIDES = Topic("tides", Level, key="port", purpose="water levels")
SIMULATION = Simulation((TIDES,), into(TIDES, lambda *given: iter([given])), "a harbour")
""",
    "tiles.js": "export const TILES = [];",
    "routes.py": """
from eventfold.web.routes import Route

ROUTES = (Route("/api/tides", print, "The water levels", list[str], operation="tides"),)
""",
}
#: What comes before the code of a process, so that it finds the directory as one of `app`.
FOUND = "import app, sys; app.__path__.append(sys.argv.pop(1))\n"
FAUST = "from eventfold.cli.main import main; main()"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the use case in it."""
    path = tmp_path_factory.mktemp("more")
    (path / "tides").mkdir()
    for name, text in TIDES.items():
        (path / "tides" / name).write_text(text)
    return path


def run(
    directory: Path, *arguments: str, code: str = FAUST, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run code, by default the command `faust`, in a process that has the use case."""
    return subprocess.run(
        [sys.executable, "-c", FOUND + code, directory, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "TICKSTREAM_PIPELINES": "none", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_its_settings_are_listed_in_a_group_of_their_own(directory: Path) -> None:
    """With value and default, as all others are."""
    listed = run(directory, "-A", "app", "--json", "settings", TICKSTREAM_TIDE_HEIGHT="4")
    rows = {row["variable"]: row for row in json.loads(listed.stdout)}
    assert rows["TICKSTREAM_TIDE_HEIGHT"] == {
        "variable": "TICKSTREAM_TIDE_HEIGHT",
        "value": 4.0,
        "default": 3.5,
        "meaning": "Metres",
        "group": "tides",
    }


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("TICKSTREAM_TIDE_HEIGHT", "TICKSTREAM_TIDE_HEIGHT=-1: Input should be greater than 0"),
        ("TICKSTREAM_TIDE_HIGHT", "TICKSTREAM_TIDE_HIGHT is no setting: did you mean "),
    ],
)
def test_its_bad_values_and_misspelt_names_stop_the_start(
    variable: str, expected: str, directory: Path
) -> None:
    """With one line that names the variable."""
    stopped = run(directory, "-A", "app", "worker", **{variable: "-1"})
    assert stopped.returncode == 1
    (line,) = stopped.stderr.splitlines()
    assert line.startswith(expected)
    assert "TICKSTREAM_TIDE_HEIGHT" in line


def test_its_simulation_is_one_of_those_that_can_be_produced(directory: Path) -> None:
    """`produce --help` lists it, and `up` finds it by its topic."""
    code = "from app.simulations import read_by, sources\n"
    code += (
        "print('tides' in {each.name for each in sources()}, read_by(['tides'])['tides'].purpose)"
    )
    assert run(directory, code=code).stdout == "True a harbour\n"


def test_its_routes_and_tiles_are_served(directory: Path) -> None:
    """Beside those of all others."""
    code = "from app.worker import TickApp as of\n"
    code += "print(*[each.path for each in of.routes], *of.static_files)"
    paths = run(directory, code=code).stdout.split()
    assert {"/api/tides", "/api/candles/{symbol}"} <= set(paths)
    assert {"tiles/tides.js", "tiles/fraud.js", "tiles/application.js"} <= set(paths)
