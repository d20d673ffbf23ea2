"""conn-events (JSON) -> conn-events-avro (Avro, with the id of its schema)."""

from app import app
from tables.avro import as_avro

fold_connections = app.fold(as_avro)
