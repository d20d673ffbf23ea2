"""Hub: all feeds of a worker and their readers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from aiokafka import AIOKafkaConsumer
from faust.types import AppT

from eventfold.engine.changelog import new_consumer
from eventfold.engine.table import outputs_of
from eventfold.topics import BoundTopic
from eventfold.web.application import state_tables
from eventfold.web.errors import unavailable
from eventfold.web.live.feed import Feed
from eventfold.web.live.reader import Reader
from eventfold.web.live.subscription import Cursor, Watch
from eventfold.web.protection.rate import Budget

#: Maximum number of readers of a worker: each costs a connection and a buffer.
MOST_READERS = 2_000

#: Maximum number of readers from one address.
MOST_OF_CLIENT = 1_000

#: Shares of the event loop's time for live events (fractions): for reading topics, for all readers
#: together, for those at one address; and their burst after a pause (s).
FEED_SHARE, SHARE, CLIENT_SHARE, BURST = 0.05, 0.07, 0.05, 0.5

#: Sweep interval (s): a feed without readers stops after one to two of them, so that a reloaded
#: page finds it running.
LINGER = 20.0


class Hub:
    """Hub that opens a feed for the first reader of a topic and closes it after the last.

    `topics` returns the topics that may be watched, by name without EVENTFOLD_TOPIC_PREFIX.
    """

    def __init__(
        self,
        topics: Callable[[], Mapping[str, BoundTopic]],
        new_consumer: Callable[[], AIOKafkaConsumer],
    ) -> None:
        self.topics = topics
        self._new_consumer = new_consumer
        self._feeds: dict[str, Feed] = {}
        #: Reader → its client address.
        self._readers: dict[Reader, str] = {}
        self._sweeper: asyncio.Task[None] | None = None
        #: Event loop time for reading topics: readers that send much must not starve it.
        self.feed_budget = Budget(FEED_SHARE, BURST)
        #: Event loop time for sending to readers.
        self.budget = Budget(SHARE, BURST, CLIENT_SHARE)
        #: True once the server stops.
        self.closing = False

    async def open(
        self, watches: Sequence[Watch], cursor: Cursor, client: str
    ) -> tuple[Reader, bool]:
        """Return a reader of `watches`, and whether it resumes at `cursor` without a gap.

        `client` is the reader's address. Raises ApiError (503) if there are too many readers, or
        once the server stops.
        """
        if self.closing or len(self._readers) >= MOST_READERS:
            raise unavailable(
                f"this worker has {len(self._readers)} readers of events, which is its limit"
            )
        own = list(self._readers.values()).count(client)
        if own >= MOST_OF_CLIENT:
            raise unavailable(
                f"{client} has {own} readers of events, which is the limit of one client"
            )
        reader = Reader(watches)
        self._readers[reader] = client
        try:
            whole = await asyncio.gather(
                *(self._feed(topic).add(reader, cursor.get(topic)) for topic in reader.topics)
            )
        except BaseException:
            self.close(reader)
            raise
        return reader, bool(cursor) and all(whole)

    def close(self, reader: Reader) -> None:
        """Remove a reader from its feeds; the feeds go on."""
        self._readers.pop(reader, None)
        for topic in reader.topics:
            if topic in self._feeds:
                self._feeds[topic].remove(reader)

    def cursor_of(self, reader: Reader) -> Cursor:
        """Return the next offsets of a reader's topics; it was offered everything before them."""
        return {topic: self._feeds[topic].position for topic in reader.topics}

    @property
    def readers(self) -> int:
        """Number of readers."""
        return len(self._readers)

    async def shut(self, _: web.Application) -> None:
        """End all readers and feeds; otherwise a stopping server would wait for its readers."""
        self.closing = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for reader in self._readers:
            reader.interrupt()
        await asyncio.gather(*(feed.stop() for feed in self._feeds.values()))

    def _feed(self, topic: str) -> Feed:
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep(), name="close idle feeds")
        if topic not in self._feeds:
            self._feeds[topic] = Feed(self.topics()[topic], self._new_consumer, self.feed_budget)
        return self._feeds[topic]

    async def _sweep(self) -> None:
        idle: set[Feed] = set()
        while True:
            await asyncio.sleep(LINGER)
            for topic, feed in list(self._feeds.items()):
                if feed.idle and feed in idle:
                    del self._feeds[topic]
                    await feed.stop()
            idle = {feed for feed in self._feeds.values() if feed.idle}


def new_hub(app: AppT) -> Hub:
    """Create the hub of a worker."""
    # Faust's type has no attribute for our tasks.
    worker: Any = app
    conf = worker.settings

    def topics() -> dict[str, BoundTopic]:
        outputs = outputs_of(state_tables(app).values(), conf).values()
        return {topic.base_name: topic for topic in outputs}

    return Hub(topics, lambda: new_consumer(conf))
