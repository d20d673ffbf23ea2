"""Has a timer with a fault in it."""

from typing import Any

from app import app

untyped: Any = app


@untyped.timer(interval=0.2)
async def sum_up() -> float:
    """Raise ZeroDivisionError."""
    return 1 / 0
