"""Kafka transport in micro-batches: one Faust event is one fetch from one partition."""

from eventfold.kafka.schema import BatchSchema
from eventfold.kafka.transport import BatchTransport

__all__ = ["BatchSchema", "BatchTransport"]
