"""Records of the network: connections between hosts."""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import EventTime, Name, Natural


class Connection(Struct, frozen=True, gc=False):
    """One connection from a host to another, as a flow exporter reports it."""

    source: Name
    destination: Name
    port: Annotated[int, Meta(ge=0, le=65535)]
    bytes: Natural
    time: EventTime
