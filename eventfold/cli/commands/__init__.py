"""Commands that every application has: a file each, with a class that Faust registers by name."""

from importlib import import_module
from pkgutil import iter_modules


def load_commands(package: str = __name__) -> None:
    """Import the modules of a package, each of which registers its command with Faust."""
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
