"""Topics of connections: conn-events -> conn-events-avro, beacons."""

from app.beaconing.connections import Connection
from app.beaconing.connections_avro import CONNECTIONS
from app.beaconing.records import Beacon
from eventfold.topics import Topic

CONN_EVENTS = Topic(
    "conn-events",
    "source",
    Connection,
    "connections between hosts; the guide's example sends prices here",
    partitions=3,
    external=True,
)
CONN_EVENTS_AVRO = Topic(
    "conn-events-avro",
    "source",
    Connection,
    "the same as Avro, each with the id of its schema",
    partitions=3,
    read=CONNECTIONS.read,
    write=CONNECTIONS,
)
BEACONS = Topic(
    "beacons",
    "source",
    Beacon,
    "hosts that contact a destination at regular intervals",
    partitions=3,
)
