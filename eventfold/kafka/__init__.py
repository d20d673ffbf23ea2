"""Micro-batches: one Faust event is what was fetched from one partition at once."""

from eventfold.kafka.schema import BatchSchema
from eventfold.kafka.transport import BatchTransport

__all__ = ["BatchSchema", "BatchTransport"]
