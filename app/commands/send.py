"""`faust -A app send`: Faust's own, which waits for ever for a topic that does not exist."""

from aiokafka.errors import UnknownTopicOrPartitionError
from faust.cli.send import send as faust_send

from app.commands._process import CommandError, LongCommand
from app.settings import settings
from eventfold.kafka.admin import AdminError, existing_topics


class send(LongCommand, faust_send):  # noqa: N801 - Faust calls the command what its class is called
    """Send one message to a topic, or to the topic of an agent (@NAME).

    The value is sent as it is written.
    """

    examples = (
        ("""send ticks '{"symbol": "ACME", "price": 1.5, "time": 0}' --key ACME""", ""),
        ("send @agents.candles.fold_candles VALUE", "to the agent's topic"),
    )
    options = faust_send.options

    async def work(self) -> None:
        """Send it. Raises UnknownTopicOrPartitionError where there is no such topic."""
        topic = self.to_topic(self.kwargs["entity"])
        names = getattr(getattr(topic, "channel", topic), "topics", ())
        try:
            existing = await existing_topics(settings())
        except AdminError as error:
            raise CommandError(str(error)) from error
        for name in names:
            if name not in existing:
                raise UnknownTopicOrPartitionError(name)
        await self.run(**self.kwargs)
