"""Simulations of the use cases: `produce --source NAME` sends one, `make up` those that are read.

A use case names its own in USE_CASE, and makes them in its module `simulator`.
"""

from collections.abc import Container
from functools import partial
from importlib import import_module

from app.use_case import use_cases
from eventfold.cli.sources import Source, simulated
from eventfold.connectors.simulations import Simulation


def names() -> list[str]:
    """Return the names of all simulations, without importing any."""
    return [each.simulation for each in use_cases() if each.simulation]


def simulation(name: str) -> Simulation:
    """Return a simulation by its name."""
    package = next(each.name for each in use_cases() if each.simulation == name)
    found: Simulation = import_module(f"app.{package}.simulator").SIMULATION
    return found


def sources() -> tuple[Source, ...]:
    """Return what `produce --source` sends: the use cases' own sources, then the simulations."""
    own = tuple(source for each in use_cases() for source in each.sources)
    named = {each.name for each in own}
    others = {name: partial(simulation, name) for name in names() if name not in named}
    return (*own, *simulated(others))


def read_by(topics: Container[str]) -> dict[str, Simulation]:
    """Return the simulations that send to any of `topics` (names)."""
    every = ((name, simulation(name)) for name in names())
    return {
        name: each
        for name, each in every
        if any(topic.base_name in topics for topic in each.topics)
    }
