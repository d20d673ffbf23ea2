"""Kafka, a simulated market and a worker on one machine (`faust -A app up`)."""

from app.up.supervisor import LocalSupervisor, Plan
from app.up.worker import WorkerError

__all__ = ["LocalSupervisor", "Plan", "WorkerError"]
