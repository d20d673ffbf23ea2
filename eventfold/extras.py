"""Optional packages: extras of the library, imported with their first use."""

from collections.abc import Callable
from importlib.util import find_spec


class MissingExtraError(Exception):
    """Error of an optional package that is not installed; one line that names its extra."""


def demand(
    module: str,
    extra: str,
    purpose: str,
    error: Callable[[str], BaseException] = MissingExtraError,
) -> None:
    """Raise an error with one line if the optional package of a module is not installed.

    The line begins with `purpose`, what needs it, and names the `extra` to install. `error` makes
    the exception of that line.
    """
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise error(f"{purpose}: {module} is not installed: pip install {_named(extra)}")


def _named(extra: str) -> str:
    """Return what pip installs: the extra of the wheel, or of the checkout we run from."""
    # Only an error needs it.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        version("eventfold")
    except PackageNotFoundError:
        return f"-e '.[{extra}]'"
    return f"'eventfold[{extra}]'"
