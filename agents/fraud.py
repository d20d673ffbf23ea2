"""payments -> fraud (a state of each card) -> alerts."""

from tables.fraud import fraud

__all__ = ["fraud"]
