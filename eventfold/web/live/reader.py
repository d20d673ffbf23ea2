"""One reader: what it watches, and what waits to be sent to it."""

import asyncio
from collections.abc import Sequence

from eventfold.web.live.event import Event
from eventfold.web.live.watch import Watch

#: Events that may wait for one reader; of more the oldest are dropped, and it is told.
MOST_WAITING = 1_000

#: And bytes of them.
MOST_BYTES = 1 << 20


class Reader:
    """A bounded buffer in which the newest wins.

    A result that waits is replaced by a newer one of the same key and window.
    """

    def __init__(
        self, watches: Sequence[Watch], most: int = MOST_WAITING, most_bytes: int = MOST_BYTES
    ) -> None:
        self.watches = tuple(watches)
        self._most, self._most_bytes = most, most_bytes
        self._bytes = 0
        self._waiting: dict[tuple[object, ...], Event] = {}
        #: Unknown how many where None.
        self._dropped: int | None = 0
        self._there_is_some = asyncio.Event()

    @property
    def topics(self) -> list[str]:
        """The topics watched, each once."""
        return list(dict.fromkeys(watch.topic for watch in self.watches))

    def wants(self, event: Event) -> bool:
        """Say whether an event is among what is watched."""
        return any(
            watch.topic == event.topic
            and watch.key in (None, event.key)
            and event.is_of(watch.window)
            for watch in self.watches
        )

    def offer(self, event: Event) -> None:
        """Put an event where it waits, if it is watched. Never waits itself."""
        if not self.wants(event):
            return
        # Behind all others, also where it replaces one: what is sent follows the log.
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
        """Wait until something is there, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._there_is_some.wait()
        except TimeoutError:
            return

    def miss(self) -> None:
        """Note that events are left out, nobody knows how many."""
        self._dropped = None
        self._there_is_some.set()

    def take(self) -> tuple[list[Event], int | None]:
        """Give what waits, and how many were dropped since the last time; None if unknown."""
        taken, dropped = list(self._waiting.values()), self._dropped
        self._waiting.clear()
        self._bytes, self._dropped = 0, 0
        self._there_is_some.clear()
        return taken, dropped

    def wake(self) -> None:
        """End a wait: the server stops."""
        self._there_is_some.set()
