"""Which topics may be watched: those that this application's tables write, and dead letters."""

from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.types import AppT

from app.state.changelog import new_consumer
from app.topics import DEAD_LETTERS
from app.web.live.hub import Hub
from app.web.lookup import state_tables


def new_hub(app: AppT) -> Hub:
    """Make the hub of a worker."""
    # Faust's type knows nothing of our tasks.
    worker: Any = app

    def topics() -> dict[str, int]:
        written = [topic for table in state_tables(app).values() for topic in table.topics]
        return {topic.name: topic.partition_count() for topic in [*written, DEAD_LETTERS]}

    def consumer() -> AIOKafkaConsumer:
        return new_consumer(worker.tasks.conf.bootstrap_servers)

    return Hub(topics, consumer)
