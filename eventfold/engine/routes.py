"""Routes of a table that sends records: the topics that it may send them to."""

from collections.abc import Iterable
from typing import Any, get_args

from eventfold.topics import Topic


class Routes:
    """Topics that a table sends records to, each by the type of its values."""

    def __init__(self, table: str, topics: Iterable[Topic]) -> None:
        self._table = table
        self.topics = list(topics)
        self._by_name = {topic.name: topic for topic in self.topics}
        self._by_type: dict[type, Topic | None] = {}
        for topic in self.topics:
            for kind in get_args(topic.value) or (topic.value,):
                # With two topics for one type, `send` must name the topic.
                self._by_type[kind] = None if kind in self._by_type else topic

    def topic_of(self, record: Any, to: Topic | None) -> Topic:
        """Return the topic of a record. Raises TypeError if no output is declared for it."""
        topic = self._by_type.get(type(record)) if to is None else self._by_name.get(to.name)
        # Identity first: two topics are compared by all their fields.
        if topic is None or (to is not None and to is not topic and to != topic):
            names = ", ".join(each.name for each in self.topics) or "none"
            what = type(record).__name__ if to is None else to.name
            raise TypeError(f"{self._table} can't send {what}: its outputs are {names}")
        return topic
