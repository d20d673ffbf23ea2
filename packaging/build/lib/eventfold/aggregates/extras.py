"""Optional libraries of some aggregates, imported with the first definition that needs one."""

from importlib import import_module
from types import ModuleType

from eventfold.windows.errors import DefinitionError


def needed(module: str, by: str) -> ModuleType:
    """Import a module for the aggregate `by`. Raises DefinitionError if it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise DefinitionError(
            f"{by}: {error.name} is not installed: install tickstream[sketches]"
        ) from None
