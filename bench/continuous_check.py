"""Independent check of final candles during a run of any length, in bounded memory.

It reads ticks and final candles side by side, folds the ticks itself, and compares each final
candle as soon as its window can't change any more. It shares no code with the product.
"""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, Message, TopicPartition


class Window(NamedTuple):
    """A tumbling window of a symbol."""

    symbol: str
    start: int


@dataclass
class _Partition:
    """State of one partition; windows are removed once compared."""

    stream_time: int = -1
    watermark: int = 0
    #: open, open's (time, offset), close, close's, high, low, volume, count, last offset
    folded: dict[Window, list[Any]] = field(default_factory=dict)
    published: dict[Window, dict[str, Any]] = field(default_factory=dict)


class ContinuousCheck:
    """Thread that checks final candles while workers run; used in `with`.

    `size` and `grace` are in ms. A final candle that is wrong, published twice, or without ticks
    is an error; after `finish` also a window that should be final and was not published.
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
            "group.id": "continuous-check",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            # Limit (kB) of fetched records that wait in memory.
            "queued.max.messages.kbytes": 16_384,
        }
        self.compared = 0
        #: Texts of the first few errors.
        self.errors: list[str] = []
        self.wrong = 0
        self._failure: BaseException | None = None
        self._idle = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="continuous-check", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def waiting(self) -> int:
        """Number of windows not compared yet."""
        return sum(len(each.folded) for each in self._partitions.values())

    def finish(self, timeout: float = 60) -> None:
        """Wait until no records come, then count the windows that were never published as final.

        Raises TimeoutError, and any error of the thread.
        """
        self._idle.clear()
        if not self._idle.wait(timeout):
            raise TimeoutError(f"candles still come after {timeout:.0f} s") from self._failure
        self._stop()
        if self._failure:
            raise self._failure
        for each in self._partitions.values():
            for window in each.folded:
                if window.start + self._size <= each.watermark:
                    self._error(f"{window}: never final")
            for window in each.published:
                self._error(f"{window}: published, but no tick is in it")

    # -- the thread

    def _run(self) -> None:
        consumer = Consumer(self._settings)
        consumer.assign(self._assignment)
        silent = 0
        try:
            while not self._ending.is_set():
                messages = consumer.consume(5_000, timeout=0.5)
                for message in messages:
                    self._process(message)
                silent = 0 if messages else silent + 1
                if silent >= 10:
                    self._idle.set()
        except BaseException as error:  # noqa: BLE001  # raised by `finish`
            self._failure = error
        finally:
            consumer.close()

    def _process(self, message: Message) -> None:
        if message.error() is not None:
            raise RuntimeError(str(message.error()))
        partition = self._partitions[message.partition() or 0]
        value = json.loads(message.value() or b"null")
        if message.topic() == "ticks":
            self._fold(partition, value, message.offset() or 0)
        elif value["final"] and (value["size"], value["advance"]) == (self._size, self._size):
            self._add_published(partition, value)

    def _fold(self, partition: _Partition, tick: dict[str, Any], offset: int) -> None:
        time, price = tick["time"], tick["price"]
        if time < partition.stream_time - self._grace:
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
        if time > partition.stream_time:
            partition.stream_time = time
            watermark = (time - self._grace) // self._size * self._size
            if watermark > partition.watermark:
                partition.watermark = watermark
                for window in list(partition.published):
                    self._compare(partition, window)

    def _add_published(self, partition: _Partition, candle: dict[str, Any]) -> None:
        window = Window(candle["symbol"], candle["start"])
        if window in partition.published:
            self._error(f"{window}: final twice")
        partition.published[window] = candle
        self._compare(partition, window)

    def _compare(self, partition: _Partition, window: Window) -> None:
        """Compare a final candle once all of its ticks have been read."""
        if window.start + self._size > partition.watermark:
            return
        candle, known = partition.published.pop(window), partition.folded.pop(window, None)
        names = "open", "close", "high", "low", "volume", "count", "last_offset"
        expected = known and [known[0], *known[2:3], *known[4:]]
        found = [candle[name] for name in names]
        self.compared += 1
        if found != expected:
            self._error(f"{window}: {found}, expected {expected}")

    def _error(self, text: str) -> None:
        self.wrong += 1
        if len(self.errors) < 10:
            self.errors.append(text)
