"""Of topics: which application writes them."""

from msgspec import Struct

from eventfold.records.fields import EventTime


class TopicOwner(Struct, frozen=True):
    """A topic, and the only application that writes it, under the prefix of all its topics."""

    topic: str
    application: str
    prefix: str
    #: When it was claimed.
    time: EventTime
