"""Routes of a table that sends records: the topics that it may send them to."""

from collections.abc import Iterable
from typing import Any, get_args

from eventfold.settings import Settings
from eventfold.topics import BoundTopic, Topic


class Routes:
    """Topics that a table sends records to, each by the type of its values."""

    def __init__(self, table: str, topics: Iterable[Topic], conf: Settings) -> None:
        self._table = table
        self._conf = conf
        self.topics = [topic.of(conf) for topic in topics]
        self._by_type: dict[type, BoundTopic | None] = {}
        for topic in self.topics:
            for kind in get_args(topic.value) or (topic.value,):
                # With two topics for one type, `send` must name the topic.
                self._by_type[kind] = None if kind in self._by_type else topic

    def topic_of(self, record: Any, to: Topic | None) -> BoundTopic:
        """Return the topic of a record. Raises TypeError if no output is declared for it."""
        wanted = self._by_type.get(type(record)) if to is None else to.of(self._conf)
        topic = next((each for each in self.topics if each == wanted), None)
        if topic is None:
            names = ", ".join(each.name for each in self.topics) or "none"
            what = wanted.name if wanted else type(record).__name__
            raise TypeError(f"{self._table} can't send {what}: its outputs are {names}")
        return topic
