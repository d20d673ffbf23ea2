"""Poll the committed offsets of an application: they must never go back."""

import threading
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicPartition
from workers import Market


class OffsetWatch:
    """Polls the group's offsets of `ticks` while it is entered; leaving asserts their order."""

    def __init__(self, market: Market, partitions: int) -> None:
        self._market = market
        self._partitions = [TopicPartition("ticks", number) for number in range(partitions)]
        #: One list of offsets, by partition, for each poll.
        self.polled: list[list[int]] = []
        self._stop = threading.Event()
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
        self._stop.set()
        self._thread.join()
        for offsets in zip(*self.polled, strict=True):
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
        while not self._stop.wait(0.05):
            try:
                found = consumer.committed(self._partitions, timeout=5)
            except KafkaException:
                continue
            if not any(each.error for each in found):
                self.polled.append([each.offset for each in found])
        consumer.close()
