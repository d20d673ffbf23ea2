"""Of the network: contacts that only a program makes."""

from msgspec import Struct

from eventfold.records.fields import Integer


class Beacon(Struct, frozen=True, gc=False):
    """A host that contacts a destination at regular intervals.

    `interval` (ms) is the mean of those between the latest `contacts`, `variation` their
    coefficient of variation, `limit` the largest that is an alert; `first` and `last` are the
    times of those contacts, `missed` how many between them did not come. `partition`, `offset`
    are those of the connection that `last` is.
    """

    source: str
    destination: str
    port: Integer
    contacts: Integer
    interval: float
    variation: float
    limit: float
    missed: Integer
    first: Integer
    last: Integer
    explanation: str
    time: Integer
    partition: Integer
    offset: Integer
