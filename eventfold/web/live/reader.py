"""Reader of live events: its watches, and its buffer of events to send."""

import asyncio
from collections.abc import Sequence

from eventfold.web.live.event import Event
from eventfold.web.live.subscription import Watch

#: Maximum number of events in a reader's buffer; beyond it the oldest are dropped and counted.
MOST_WAITING = 1_000

#: Maximum bytes of their values.
MOST_BYTES = 1 << 20


class Reader:
    """Bounded buffer of events: the oldest are dropped, newer results of a window replace older."""

    def __init__(
        self, watches: Sequence[Watch], most: int = MOST_WAITING, most_bytes: int = MOST_BYTES
    ) -> None:
        self.watches = tuple(watches)
        self._most, self._most_bytes = most, most_bytes
        self._bytes = 0
        self._waiting: dict[tuple[object, ...], Event] = {}
        #: Events dropped since the last `take`; None if the number is unknown.
        self._dropped: int | None = 0
        self._there_is_some = asyncio.Event()

    @property
    def topics(self) -> list[str]:
        """Watched topics, each once."""
        return list(dict.fromkeys(watch.topic for watch in self.watches))

    def wants(self, event: Event) -> bool:
        """Return whether one of the watches matches an event."""
        return any(
            watch.topic == event.topic
            and watch.key in (None, event.key)
            and event.is_of(watch.window)
            for watch in self.watches
        )

    def offer(self, event: Event) -> None:
        """Add an event to the buffer if a watch matches it. Never blocks."""
        if not self.wants(event):
            return
        # Placed last even if it replaces one, so that events are sent in the order of the log.
        replaced = self._waiting.pop(event.identity, None)
        self._waiting[event.identity] = event
        self._bytes += len(event.value) - (len(replaced.value) if replaced else 0)
        while len(self._waiting) > self._most or self._bytes > self._most_bytes:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            self._bytes -= len(oldest.value)
            if self._dropped is not None:
                self._dropped += 1
        self._there_is_some.set()

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to send, at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._there_is_some.wait()
        except TimeoutError:
            return

    def miss(self) -> None:
        """Record that an unknown number of events was skipped."""
        self._dropped = None
        self._there_is_some.set()

    def take(self) -> tuple[list[Event], int | None]:
        """Empty the buffer; return its events and how many were dropped, None if unknown."""
        taken, dropped = list(self._waiting.values()), self._dropped
        self._waiting.clear()
        self._bytes, self._dropped = 0, 0
        self._there_is_some.clear()
        return taken, dropped

    def interrupt(self) -> None:
        """End a `wait`, since the server stops."""
        self._there_is_some.set()
