"""conn-events (JSON) -> conn-events-avro (Avro, with the id of its schema)."""

from tables.avro import as_avro

__all__ = ["as_avro"]
