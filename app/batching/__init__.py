"""Micro-batches: one Faust event is what was fetched from one partition at once."""

from app.batching.schema import BatchSchema
from app.batching.transport import BatchTransport

__all__ = ["BatchSchema", "BatchTransport"]
