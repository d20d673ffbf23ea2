"""State of the simulations in a file, from which the next `up` continues them."""

import time
from pathlib import Path
from typing import Any

import msgspec
from mode import Service

from app.market.walks import Market
from eventfold.decoding import decode_json

#: Seconds between two writes of the prices, from which a killed `up` continues.
INTERVAL = 5.0
#: Age (ms) beyond which a simulation begins again: to continue it, all of it is computed anew.
MAX_AGE = 2 * 3_600_000


class SimulationState(msgspec.Struct):
    """State that can't be computed again.

    Cards, machines, hosts and guests are computed from the seed, and their events from the seed
    and the event time (ms) of the start; the seed stays the same as long as data is kept.
    """

    seed: int
    start: int
    #: The market's last price of each symbol.
    prices: dict[str, float] = {}


class SimulationStateWriter(Service):
    """Service that writes the state of a market and of the other simulations to a file."""

    def __init__(self, path: Path, market: Market, **kwargs: Any) -> None:
        self.path = path
        self.market = market
        now = int(time.time() * 1000)
        self.simulated = read(path) or SimulationState(now, now)
        if now - self.simulated.start > MAX_AGE:
            self.simulated.start = now
        if self.simulated.prices:
            market.resume(self.simulated.prices, now)
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Write the state at once: the seed is nowhere else."""
        self._write()

    async def on_stop(self) -> None:
        """Write the last prices."""
        self._write()

    @Service.task
    async def _write_periodically(self) -> None:
        while not self.should_stop:
            await self.sleep(INTERVAL)
            self._write()

    def _write(self) -> None:
        self.simulated.prices |= self.market.prices
        # Atomic, whenever the process is killed.
        new = self.path.with_suffix(".new")
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.json.encode(self.simulated))
        new.replace(self.path)


def read(path: Path) -> SimulationState | None:
    """Return the state in a file; None if there is no file or it can't be read."""
    try:
        return decode_json(path.read_bytes(), SimulationState)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
