"""Records of the network: beacons, contacts that only a program makes."""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import EventTime, Integer, Name, Natural


class Beacon(Struct, frozen=True, gc=False):
    """A host that contacts a destination at regular intervals.

    `interval` (ms) is the mean interval of the latest `contacts`, `variation` the coefficient of
    variation, `limit` the largest that is an alert; `first` and `last` (ms) are the times of the
    first and last contact, `missed` is the number of missed ones between them. `partition`,
    `offset` are those of the last contact's connection.
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


class Connection(Struct, frozen=True, gc=False):
    """One connection from a host to another, as a flow exporter reports it."""

    source: Name
    destination: Name
    port: Annotated[int, Meta(ge=0, le=65535)]
    bytes: Natural
    time: EventTime
