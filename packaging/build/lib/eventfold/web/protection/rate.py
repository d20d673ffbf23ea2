"""Rate limit: a token bucket for each client, filled at a steady rate.

A bucket is one number, the time at which it is full again (GCRA, ITU-T I.371).
"""

import time
from collections import OrderedDict
from collections.abc import Callable

#: Maximum number of buckets; the least recently used one is dropped.
CLIENTS = 10_000


class Rate:
    """Rate limit of `rate` requests per second for each client, with bursts of `burst`.

    `clock` returns seconds.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = 1 / rate
        self._room = (burst - 1) / rate
        self._clock = clock
        #: Client → time when its bucket is full, the most recently used at the end.
        self._full: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one token from the client's bucket and return 0.

        If there is none, take nothing and return the seconds until there is.
        """
        wait = self.wait(client)
        if not wait:
            self.spend(client, 1)
        return wait

    def spend(self, client: str, amount: float) -> None:
        """Take `amount` tokens from the client's bucket, which may then owe some."""
        full = max(self._full.get(client, 0.0), self._clock())
        self._full[client] = full + amount * self._interval
        self._full.move_to_end(client)
        if len(self._full) > CLIENTS:
            self._full.popitem(last=False)

    def wait(self, client: str) -> float:
        """Return the seconds until the client has a token; 0 if it has one now."""
        return max(0.0, self._full.get(client, 0.0) - self._clock() - self._room)
