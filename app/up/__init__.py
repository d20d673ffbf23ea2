"""All of it on one machine: Kafka, a simulated market and a worker (`faust -A app up`)."""

from app.up.everything import Everything, Plan
from app.up.worker import WorkerError

__all__ = ["Everything", "Plan", "WorkerError"]
