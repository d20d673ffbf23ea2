"""An event loop with a simulated clock, which is moved by work and by waiting."""

import asyncio


class SimulatedLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own (s); tests keep it busy by calling `work`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.worked = 0.0

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self.now

    def work(self, seconds: float) -> None:
        """Keep the loop busy."""
        self.now += seconds
        self.worked += seconds

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        super()._run_once()
