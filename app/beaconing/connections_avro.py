"""Connections between hosts, as Avro."""

from app.beaconing.connections import Connection
from eventfold.formats.form import AvroForm

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
