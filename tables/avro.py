"""The step that writes connections as Avro; it keeps nothing but how far it is.

Written by `agents/avro.py`; there is nothing to read.
"""

from app import app
from app.beaconing.connections import Connection
from app.beaconing.topics import CONN_EVENTS, CONN_EVENTS_AVRO
from eventfold.engine.step import Step
from eventfold.operators.processor import Sender


def pass_on(connection: Connection, sender: Sender) -> None:
    """Send it as it is: the topic's form is another."""
    sender.send(connection)


as_avro = Step(
    app,
    name="conn-events-as-avro",
    source=CONN_EVENTS,
    make=pass_on,
    outputs=[CONN_EVENTS_AVRO],
    help="Connections between hosts, as Avro",
)
