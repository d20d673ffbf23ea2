"""`--help`: each command of ours has examples, and they are true."""

import shlex
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click
import pytest
from faust.cli.base import cli

import app.commands
from app.commands._help import Examples
from app.commands._process import LongCommand

NAMES = sorted(
    module.name for module in iter_modules(app.commands.__path__) if not module.name.startswith("_")
)

#: Those that print facts, which programs want as JSON.
FACTS = {
    *("agents", "consume", "explain", "lateness", "model", "models", "produce", "replay"),
    *("settings", "tables", "top", "topics"),
}


def declared(name: str) -> Any:
    """Return the class of a command."""
    return getattr(import_module(f"app.commands.{name}"), name)


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_what_the_command_understands(name: str) -> None:
    """Click reads their options and arguments, and the help shows each on a line of its own."""
    examples = declared(name).examples
    assert examples
    command = cli.commands[name]
    shown = command.get_help(click.Context(command)).splitlines()
    for example, _ in examples:
        program, *arguments = shlex.split(example.partition(" >")[0])
        assert program == name
        command.make_context(name, arguments, resilient_parsing=False)
        assert sum(f"faust -A app {example}" in line for line in shown) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_options_say_what_they_are(name: str) -> None:
    """Each has a sentence."""
    ours = [each for each in cli.commands[name].params if isinstance(each, click.Option)]
    if issubclass(declared(name), LongCommand):
        assert all(each.help and each.help.endswith(".") for each in ours)


def test_what_prints_facts_prints_them_for_programs_too() -> None:
    """By `--json` behind the command, as well as Faust's before it."""
    found = {name for name in NAMES if "as_json" in {p.name for p in cli.commands[name].params}}
    assert found == FACTS


def test_examples_stand_behind_what_the_command_does() -> None:
    """One paragraph, as it is typed."""

    class Shown(Examples):
        """Shows.

        A second paragraph.
        """

        examples = (("show", "all"), ("show --one", ""))

    assert (Shown.__doc__ or "").splitlines() == [
        *("Shows.", "", "A second paragraph.", "", "\b", "Examples:"),
        "  faust -A app show        all",
        "  faust -A app show --one",
    ]
