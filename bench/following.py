"""A second computation of tumbling windows that follows a run, however long, in bounded memory.

It reads ticks and final candles side by side, folds the ticks itself, and compares each final
candle as soon as its window can't change any more. It shares no code with `app/`.
"""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, Message, TopicPartition


class Window(NamedTuple):
    """A tumbling window of a symbol."""

    symbol: str
    start: int


@dataclass
class _Partition:
    """State of one partition; windows leave it once compared."""

    reached: int = -1
    settled: int = 0
    #: open, open's (time, offset), close, close's, high, low, volume, count, last offset
    folded: dict[Window, list[Any]] = field(default_factory=dict)
    said: dict[Window, dict[str, Any]] = field(default_factory=dict)


class Follower:
    """The thread that follows; used in `with`, while workers run.

    `size` and `grace` in ms. A final candle that is wrong, comes twice, or has no ticks is an
    error; so is, after `finish`, a window that had to be final and was not published.
    """

    def __init__(self, bootstrap: str, partitions: range, *, size: int, grace: int) -> None:
        self._size, self._grace = size, grace
        self._partitions: defaultdict[int, _Partition] = defaultdict(_Partition)
        self._assignment = [
            TopicPartition(topic, number, 0)
            for topic in ("ticks", "candles")
            for number in partitions
        ]
        self._settings = {
            "bootstrap.servers": bootstrap,
            "group.id": "follower",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            # What is kept here of what was fetched, in kB.
            "queued.max.messages.kbytes": 16_384,
        }
        self.compared = 0
        #: The first few errors, in words.
        self.errors: list[str] = []
        self.wrong = 0
        self._failure: BaseException | None = None
        self._idle = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def waiting(self) -> int:
        """The number of windows that are not compared yet."""
        return sum(len(each.folded) for each in self._partitions.values())

    def finish(self, timeout: float = 60) -> None:
        """Wait for silence, then count the windows that had to be final and were not published.

        Raises TimeoutError, and any error of the thread.
        """
        self._idle.clear()
        if not self._idle.wait(timeout):
            raise TimeoutError(f"candles still come after {timeout:.0f} s") from self._failure
        self.__exit__(None, None, None)
        if self._failure:
            raise self._failure
        for each in self._partitions.values():
            for window in each.folded:
                if window.start + self._size <= each.settled:
                    self._error(f"{window}: never final")
            for window in each.said:
                self._error(f"{window}: said, and no tick is in it")

    # -- the thread

    def _follow(self) -> None:
        consumer = Consumer(self._settings)
        consumer.assign(self._assignment)
        silent = 0
        try:
            while not self._ending.is_set():
                messages = consumer.consume(5_000, timeout=0.5)
                for message in messages:
                    self._take(message)
                silent = 0 if messages else silent + 1
                if silent >= 10:
                    self._idle.set()
        except BaseException as error:  # noqa: BLE001  # for whoever waits
            self._failure = error
        finally:
            consumer.close()

    def _take(self, message: Message) -> None:
        if message.error() is not None:
            raise RuntimeError(str(message.error()))
        partition = self._partitions[message.partition()]
        value = json.loads(message.value())
        if message.topic() == "ticks":
            self._fold(partition, value, message.offset())
        elif value["final"] and (value["size"], value["advance"]) == (self._size, self._size):
            self._say(partition, value)

    def _fold(self, partition: _Partition, tick: dict[str, Any], offset: int) -> None:
        time, price = tick["time"], tick["price"]
        if time < partition.reached - self._grace:
            return
        at = time, offset
        window = Window(tick["symbol"], time - time % self._size)
        known = partition.folded.get(window)
        if known is None:
            known = partition.folded[window] = [price, at, price, at, price, price, 0, 0, offset]
        if at < known[1]:
            known[0], known[1] = price, at
        if at > known[3]:
            known[2], known[3] = price, at
        known[4], known[5] = max(known[4], price), min(known[5], price)
        known[6] += tick["size"]
        known[7] += 1
        known[8] = offset
        if time > partition.reached:
            partition.reached = time
            settled = (time - self._grace) // self._size * self._size
            if settled > partition.settled:
                partition.settled = settled
                for window in list(partition.said):
                    self._compare(partition, window)

    def _say(self, partition: _Partition, candle: dict[str, Any]) -> None:
        window = Window(candle["symbol"], candle["start"])
        if window in partition.said:
            self._error(f"{window}: final twice")
        partition.said[window] = candle
        self._compare(partition, window)

    def _compare(self, partition: _Partition, window: Window) -> None:
        """Compare a final candle, if all of its ticks have been read here."""
        if window.start + self._size > partition.settled:
            return
        said, known = partition.said.pop(window), partition.folded.pop(window, None)
        names = "open", "close", "high", "low", "volume", "count", "last_offset"
        expected = known and [known[0], *known[2:3], *known[4:]]
        found = [said[name] for name in names]
        self.compared += 1
        if found != expected:
            self._error(f"{window}: {found}, expected {expected}")

    def _error(self, words: str) -> None:
        self.wrong += 1
        if len(self.errors) < 10:
            self.errors.append(words)
