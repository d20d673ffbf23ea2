"""The committed offsets of an application, polled again and again: they never go back."""

import threading
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicPartition
from workers import Market


class OffsetWatch:
    """Reads the group's offsets of `ticks` while it is entered; leaving asserts their order."""

    def __init__(self, market: Market, partitions: int) -> None:
        self._market = market
        self._partitions = [TopicPartition("ticks", number) for number in range(partitions)]
        #: What was seen, one list of offsets by partition for each look.
        self.seen: list[list[int]] = []
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="offset-watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()
        for offsets in zip(*self.seen, strict=True):
            assert list(offsets) == sorted(offsets)

    def _watch(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._market.bootstrap,
                "group.id": self._market.application,
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )
        while not self._enough.wait(0.05):
            try:
                found = consumer.committed(self._partitions, timeout=5)
            except KafkaException:
                continue
            if not any(each.error for each in found):
                self.seen.append([each.offset for each in found])
        consumer.close()
