"""Stateless operator that writes connections as Avro, written by `agents/avro.py`; not read."""

from app import app
from app.beaconing.records import Connection
from app.beaconing.topics import CONN_EVENTS, CONN_EVENTS_AVRO
from eventfold.operators.processor import Sender


def pass_on(connection: Connection, sender: Sender) -> None:
    """Send a connection unchanged: the output topic has another format."""
    sender.send(connection)


as_avro = app.processor(
    CONN_EVENTS,
    name="conn-events-as-avro",
    outputs=[CONN_EVENTS_AVRO],
    help="Connections between hosts, as Avro",
    agent=False,
)(pass_on)
