"""End the coordination of the worker's Kafka client with the second assignment.

It stands for whatever aiokafka does not expect.
"""

from typing import Any

from app import app

assignor: Any = app.assignor
take = assignor.on_assignment


def stumble(assignment: Any) -> None:
    """Take the first assignment, and raise at the next one."""
    assignor.on_assignment = fail
    take(assignment)


def fail(_: Any) -> None:
    """Raise what ends the coordination."""
    raise AssertionError("no such member")


assignor.on_assignment = stumble
