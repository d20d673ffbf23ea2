"""`faust -A app send`: Faust's own, which waits for ever for a topic that does not exist."""

from collections.abc import Iterable

from aiokafka.errors import UnknownTopicOrPartitionError
from faust.cli.send import send as faust_send

from eventfold.cli.command import LongCommand
from eventfold.kafka.admin import existing_topics
from eventfold.kafka.clients.topic_metadata import until_known


class send(LongCommand, faust_send):  # noqa: N801 - Faust calls the command what its class is called
    """Send one message to a topic, or to the topic of an agent (@NAME).

    The value is sent as it is written.
    """

    examples = (
        ("""send TOPIC '{"id": 1, "time": 0}' --key 1""", ""),
        ("send @AGENT VALUE", "to the agent's topic"),
    )
    options = faust_send.options

    async def work(self) -> None:
        """Send it. Raises UnknownTopicOrPartitionError where there is no such topic."""
        topic = self.to_topic(self.kwargs["entity"])
        names = getattr(getattr(topic, "channel", topic), "topics", ())
        await self._demand_topics(names)
        await self.run(**self.kwargs)

    @until_known
    async def _demand_topics(self, names: Iterable[str]) -> None:
        existing = await existing_topics(self.app.settings)
        for name in names:
            if name not in existing:
                raise UnknownTopicOrPartitionError(name)
