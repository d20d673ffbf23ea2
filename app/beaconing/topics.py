"""Topics of connections: conn-events -> conn-events-avro, beacons."""

from app.beaconing.records import Beacon, Connection
from eventfold.formats.form import AvroForm
from eventfold.topics import Topic

CONNECTIONS = AvroForm(
    "conn-events-avro-value",
    Connection,
    {
        "type": "record",
        "name": "Connection",
        "namespace": "tickstream",
        "doc": "One connection from a host to another, as a flow exporter reports it.",
        "fields": [
            {"name": "source", "type": "string"},
            {"name": "destination", "type": "string"},
            {"name": "port", "type": "int"},
            {"name": "bytes", "type": "long"},
            {"name": "time", "type": "long", "doc": "ms since the epoch, UTC"},
        ],
    },
)


CONN_EVENTS = Topic(
    "conn-events",
    Connection,
    key="source",
    purpose="connections between hosts; the guide's example sends prices here",
    partitions=3,
    external=True,
)
CONN_EVENTS_AVRO = Topic(
    "conn-events-avro",
    Connection,
    key="source",
    purpose="the same as Avro, each with the id of its schema",
    partitions=3,
    read=CONNECTIONS.read,
    write=CONNECTIONS,
)
BEACONS = Topic(
    "beacons",
    Beacon,
    key="source",
    purpose="hosts that contact a destination at regular intervals",
    partitions=3,
)
