"""`eventfold new`: a project whose test passes, in a directory that held nothing."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from eventfold.cli.new import main
from eventfold.embedded.jars import VERSION

REPOSITORY = Path(__file__).parents[3]


def new(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


def test_new_project_passes_its_own_test(tmp_path: Path) -> None:
    """With nothing but the library, in a directory that has an environment already."""
    (tmp_path / ".venv").mkdir()
    made = new("page_visits", tmp_path)
    assert (made.exit_code, made.output) == (0, f"{tmp_path}: see README.md there\n")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "1 passed" in tested.stdout


def test_new_project_is_written_into_a_directory_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is what its name says, and no placeholder is left."""
    monkeypatch.chdir(tmp_path)
    assert new("Visits").exit_code == 0
    written = {each.name: each.read_text() for each in (tmp_path / "Visits").iterdir()}
    assert written.keys() == {
        *("Visits.py", "test_Visits.py", "pyproject.toml", "docker-compose.yml"),
        *("README.md", ".gitignore"),
    }
    project = tomllib.loads(written["pyproject.toml"])
    assert project["project"]["name"] == "Visits"
    assert project["tool"]["setuptools"]["py-modules"] == ["Visits"]
    composition = yaml.safe_load(written["docker-compose.yml"])
    assert composition["name"] == "visits"  # Compose allows no capitals
    assert composition["services"]["kafka"]["image"] == f"apache/kafka:{VERSION}"
    assert not any("$name" in text or "$version" in text for text in written.values())


@pytest.mark.parametrize(
    "name", ["two words", "7up", "class", "größe", "_", "a/b", "json", "click"]
)
def test_name_that_can_be_no_module_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """Nothing is written."""
    refused = new(name, tmp_path / "there")
    assert refused.exit_code == 1
    (line,) = refused.output.splitlines()
    assert repr(name) in line
    assert not list(tmp_path.iterdir())


def test_directory_that_is_not_empty_is_refused_in_one_line(tmp_path: Path) -> None:
    """What is in it stays as it is."""
    (tmp_path / "README.md").write_text("mine")
    refused = new("visits", tmp_path)
    assert refused.exit_code == 1
    (line,) = refused.output.splitlines()
    assert line.startswith(f"Error: {tmp_path} is not empty")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("README.md", "mine")]


def test_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file of that name is there."""
    (tmp_path / "visits").touch()
    refused = new("visits", tmp_path / "visits")
    assert refused.exit_code == 1
    assert refused.output == f"Error: {tmp_path / 'visits'}: File exists\n"


@pytest.mark.parametrize("file", ["pyproject.toml", "packaging/pyproject.toml"])
def test_command_and_its_templates_are_installed(file: str) -> None:
    """By the checkout and by the wheel."""
    project = tomllib.loads((REPOSITORY / file).read_text())
    assert project["project"]["scripts"]["eventfold"] == "eventfold.cli.new:main"
    assert "project_template/*" in project["tool"]["setuptools"]["package-data"]["eventfold.cli"]
