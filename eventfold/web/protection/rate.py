"""How many requests a client may send: a bucket for each, that fills at a steady rate.

As one number a client, the time at which its bucket is full again (GCRA, ITU-T I.371).
"""

import time
from collections import OrderedDict
from collections.abc import Callable

#: So many clients are known at once; who has not been seen longest is forgotten.
CLIENTS = 10_000


class Rate:
    """Lets each client send `rate` requests a second, `burst` at once after a silence."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = 1 / rate
        self._room = (burst - 1) / rate
        self._clock = clock
        #: When the bucket of each is full, the one that was seen last at the end.
        self._full: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one from the client's bucket; give 0, or the seconds until there is one."""
        wait = self.wait(client)
        if not wait:
            self.spend(client, 1)
        return wait

    def spend(self, client: str, amount: float) -> None:
        """Take some from the client's bucket, whether there is as much or not."""
        full = max(self._full.get(client, 0.0), self._clock())
        self._full[client] = full + amount * self._interval
        self._full.move_to_end(client)
        if len(self._full) > CLIENTS:
            self._full.popitem(last=False)

    def wait(self, client: str) -> float:
        """Give the seconds until the client may send one; 0 if it may now."""
        return max(0.0, self._full.get(client, 0.0) - self._clock() - self._room)
