"""readings -> machines (a state of each machine) -> maintenance."""

from tables.machines import machines

__all__ = ["machines"]
