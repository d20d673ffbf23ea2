"""Topics of connections: conn-events -> conn-events-avro, beacons."""

from app.beaconing.connections import Connection
from app.beaconing.connections_avro import CONNECTIONS
from app.beaconing.records import Beacon
from eventfold.topics import Topic

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
