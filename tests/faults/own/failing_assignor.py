"""End the group coordination of the worker's Kafka client at the second assignment.

It stands for any error that aiokafka does not expect.
"""

from typing import Any

from app import app

assignor: Any = app.assignor
original_on_assignment = assignor.on_assignment


def take_first_assignment(assignment: Any) -> None:
    """Take the first assignment, and raise at the next one."""
    assignor.on_assignment = fail
    original_on_assignment(assignment)


def fail(_: Any) -> None:
    """Raise an error that ends the coordination."""
    raise AssertionError("no such member")


assignor.on_assignment = take_first_assignment
