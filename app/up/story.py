"""What is simulated goes on where it stopped: what the next `up` has to know of this one."""

import time
from pathlib import Path
from typing import Any

import msgspec
from mode import Service

from app.market.walks import Market
from eventfold.decoding import decode_json

#: Seconds between two writings of the prices; a killed `up` goes on from those.
INTERVAL = 5.0
#: A story that began longer ago (ms) is begun again: to get where it is, all of it is made anew.
LONGEST = 2 * 3_600_000


class Story(msgspec.Struct):
    """What is simulated, as far as it can't be computed.

    Cards, machines, hosts and guests come from the seed, and what happens to them from the seed
    and the event time (ms) at which it began; what they are like never changes while data is kept.
    """

    seed: int
    start: int
    #: The market's last price of each symbol.
    prices: dict[str, float] = {}


class StoryKeeper(Service):
    """Keeps the story of a market and the simulations beside it in a file, as long as it runs."""

    def __init__(self, path: Path, market: Market, **kwargs: Any) -> None:
        self.path = path
        self.market = market
        now = int(time.time() * 1000)
        self.story = read(path) or Story(now, now)
        if now - self.story.start > LONGEST:
            self.story.start = now
        if self.story.prices:
            market.resume(self.story.prices, now)
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Write it at once: the seed is known to nobody else."""
        self._write()

    async def on_stop(self) -> None:
        """Write the last prices."""
        self._write()

    @Service.task
    async def _keep(self) -> None:
        while not self.should_stop:
            await self.sleep(INTERVAL)
            self._write()

    def _write(self) -> None:
        self.story.prices |= self.market.prices
        # Whole or not at all, whenever we are killed.
        written = self.path.with_suffix(".new")
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(msgspec.json.encode(self.story))
        written.replace(self.path)


def read(path: Path) -> Story | None:
    """Return the story in a file; None where there is none, or none that can be read."""
    try:
        return decode_json(path.read_bytes(), Story)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
