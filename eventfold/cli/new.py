"""The installed command `eventfold`: `eventfold new NAME` writes a project to begin with."""

import re
from importlib.resources import files
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from string import Template

import click

from eventfold import __version__

#: Names of modules that are also names of distributions and of Kafka's groups.
_NAME = re.compile(r"[A-Za-z](\w*[A-Za-z0-9])?", re.ASCII)

#: Entries of a directory that counts as empty: an environment and a repository come first.
_IGNORED = {".git", ".venv"}


@click.group()
@click.version_option(__version__, prog_name="eventfold")
def main() -> None:
    """Exact event-time windows on Kafka; `faust -A NAME` runs what is written here."""


@main.command()
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
def new(name: str, directory: Path | None) -> None:
    """Write a project with one stream and its test into DIRECTORY, by default ./NAME.

    NAME becomes the module and the application's id. The directory is made if it is missing; what
    is in it stays, so it has to be empty but for .git and .venv.
    """
    _demand_module_name(name)
    directory = directory or Path(name)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(each.name not in _IGNORED for each in directory.iterdir()):
            raise click.ClickException(f"{directory} is not empty: name another directory")
        _write(name, directory)
    except OSError as error:
        raise click.ClickException(f"{error.filename or directory}: {error.strerror}") from None
    click.echo(f"{directory}: see README.md there")


def _demand_module_name(name: str) -> None:
    if not _NAME.fullmatch(name) or iskeyword(name):
        raise click.ClickException(
            f"{name!r} can't be a module's name: letters of ASCII, digits and underscores, a "
            "letter first, no underscore last, none of Python's keywords"
        )
    found = find_spec(name)
    if found is not None and found.origin is not None:
        raise click.ClickException(
            f"there is a module {name!r} already, which the project would hide: choose another name"
        )


def _write(name: str, directory: Path) -> None:
    values = {"name": name, "project": name.lower(), "version": __version__}
    for template in files(__package__).joinpath("project_template").iterdir():
        written = template.name.removesuffix(".template").replace("stream", name)
        written = ".gitignore" if written == "gitignore" else written
        text = Template(template.read_text(encoding="utf-8")).substitute(values)
        (directory / written).write_text(text, encoding="utf-8")
