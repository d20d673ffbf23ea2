"""A user's module with a timer that raises."""

from typing import Any

from app import app

untyped: Any = app


@untyped.timer(interval=0.2)
async def sum_up() -> float:
    """Raise ZeroDivisionError."""
    return 1 / 0
