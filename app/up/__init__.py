"""Simulations of `faust -A app up`, and the options of the command that are for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.up.simulators import MarketSimulators

#: Options for the market.
OPTIONS = (
    click.Option(
        ["--rate"],
        type=click.FloatRange(0, 1e6, min_open=True),
        default=2000.0,
        help="Ticks per second of the simulated market.",
    ),
    click.Option(
        ["--symbols"],
        type=click.IntRange(1, 8100),
        default=500,
        help="Number of symbols traded.",
    ),
)


def make_simulators(app: Any, directory: Path, options: Mapping[str, Any]) -> "MarketSimulators":
    """Return the simulators of the application, with state in `directory`."""
    from app.up.simulators import MarketSimulators  # noqa: PLC0415  # workers simulate nothing

    return MarketSimulators(app, directory, options)
