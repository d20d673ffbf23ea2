"""`--help`: each of our commands has examples that its parser accepts."""

import shlex
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click
import pytest
from faust.cli.base import cli

import app.commands
import app.worker  # offers its sources to `produce`
import eventfold.cli.commands
from eventfold.cli.command import Examples, LongCommand

#: Name of each command → the package of its module.
PACKAGES = {
    module.name: package.__name__
    for package in (app.commands, eventfold.cli.commands)
    for module in iter_modules(package.__path__)
}
NAMES = sorted(PACKAGES)

#: Commands that print facts, which have JSON for programs.
FACTS = {
    *(
        "agents",
        "consume",
        "deadletters",
        "explain",
        "lateness",
        "model",
        "models",
        "produce",
        "replay",
    ),
    "sink",
    *("settings", "tables", "top", "topics"),
}


def declared(name: str) -> Any:
    """Return the class of a command."""
    return getattr(import_module(f"{PACKAGES[name]}.{name}"), name)


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_accepted_by_the_command(name: str) -> None:
    """Click reads their options and arguments, and the help shows each on a line of its own."""
    examples = declared(name).examples
    assert examples
    command = cli.commands[name]
    shown = command.get_help(click.Context(command)).splitlines()
    for example, _ in examples:
        program, *arguments = shlex.split(example.partition(" >")[0])
        assert program == name
        command.make_context(name, arguments, resilient_parsing=False)
        assert sum(f"faust -A MODULE {example}" in line for line in shown) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_each_option_has_a_description(name: str) -> None:
    """It is a sentence."""
    ours = [each for each in cli.commands[name].params if isinstance(each, click.Option)]
    if issubclass(declared(name), LongCommand):
        assert all(each.help and each.help.endswith(".") for each in ours)


def test_commands_that_print_facts_have_a_json_option() -> None:
    """By `--json` behind the command, as well as Faust's before it."""
    found = {name for name in NAMES if "as_json" in {p.name for p in cli.commands[name].params}}
    assert found == FACTS


def test_examples_follow_the_description_of_the_command() -> None:
    """In one paragraph, as they are typed."""

    class Shown(Examples):
        """Shows.

        A second paragraph.
        """

        examples = (("show", "all"), ("show --one", ""))

    assert (Shown.__doc__ or "").splitlines() == [
        *("Shows.", "", "A second paragraph.", "", "\b", "Examples:"),
        "  faust -A MODULE show        all",
        "  faust -A MODULE show --one",
    ]
