"""Topics that may be watched: those that this application's tables write, and dead letters."""

from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.types import AppT

from eventfold.engine.changelog import new_consumer
from eventfold.engine.table import outputs_of
from eventfold.topics import Topic
from eventfold.web.live.hub import Hub
from eventfold.web.lookup import state_tables


def new_hub(app: AppT) -> Hub:
    """Create the hub of a worker."""
    # Faust's type has no attribute for our tasks.
    worker: Any = app

    def topics() -> dict[str, Topic]:
        outputs = outputs_of(state_tables(app).values()).values()
        return {topic.base_name: topic for topic in outputs}

    def consumer() -> AIOKafkaConsumer:
        return new_consumer(worker.tasks.conf)

    return Hub(topics, consumer)
