"""Ownership of topics by the applications that write them."""

from msgspec import Struct

from eventfold.records.fields import EventTime


class TopicOwner(Struct, frozen=True):
    """The owner of a topic: the only application that writes it, and the application's prefix."""

    topic: str
    application: str
    prefix: str
    #: Time of the claim (ms).
    time: EventTime
