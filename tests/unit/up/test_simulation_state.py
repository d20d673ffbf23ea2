"""`make up` continues where it stopped: prices don't jump, cards and machines stay the same."""

import asyncio
import time
from itertools import islice
from pathlib import Path

from app.market.walks import CLEAN, Market
from app.up.simulation_state import MAX_AGE, SimulationStateWriter

NOON = 1_769_860_800_000


def new_market() -> Market:
    """Return a market as every `up` makes it."""
    return Market(step=10, symbols=50, flaws=CLEAN)


async def run(path: Path) -> tuple[SimulationStateWriter, dict[str, float]]:
    """Run a market for a day and stop it; return its state writer and its last prices."""
    market = new_market()
    async with SimulationStateWriter(path, market) as writer:
        for chunk in islice(market.chunks(NOON), 2_000):
            assert chunk
    return writer, market.prices


async def test_prices_continue_from_the_last_run_by_other_walks(tmp_path: Path) -> None:
    """From the seed alone they would jump back to the prices of the first market's start."""
    path = tmp_path / "story.json"
    _, last = await run(path)
    assert max(abs(last[name] / price - 1) for name, price in new_market().prices.items()) > 0.02
    market = new_market()
    SimulationStateWriter(path, market)
    assert market.prices == last
    # Of 2,000 trades of the second market none is that of the first.
    assert market.take(2_000, NOON) != new_market().take(2_000, NOON)
    swings = [abs(price / last[name] - 1) for name, price in market.prices.items()]
    assert max(swings) < 0.01


async def test_cards_are_those_of_the_previous_run(tmp_path: Path) -> None:
    """Otherwise each card would pay far from home, and unusual amounts."""
    path = tmp_path / "story.json"
    (first, _), (second, _) = await run(path), await run(path)
    assert (second.simulated.seed, second.simulated.start) == (
        first.simulated.seed,
        first.simulated.start,
    )


async def test_old_simulation_begins_again_with_the_same_cards(tmp_path: Path) -> None:
    """Catching up would take longer the older the simulation is."""
    path = tmp_path / "story.json"
    (first, _) = await run(path)
    first.simulated.start -= 2 * MAX_AGE
    async with first:
        await asyncio.sleep(0)
    again = SimulationStateWriter(path, new_market())
    assert again.simulated.seed == first.simulated.seed
    assert time.time() * 1000 - again.simulated.start < MAX_AGE


async def test_unreadable_file_begins_a_new_simulation(tmp_path: Path) -> None:
    """`up` starts all the same."""
    path = tmp_path / "story.json"
    path.write_bytes(b"{")
    market = new_market()
    SimulationStateWriter(path, market)
    assert market.prices == new_market().prices
