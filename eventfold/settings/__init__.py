"""Settings of one process: environment variables, typed, with defaults.

An application subclasses `Settings` with its own, and names with `use` what reads them: parts that
are handed no settings, such as the names of topics, ask `settings()`.
"""

from collections.abc import Callable
from functools import cache

from eventfold.settings.environment import SECRETS_DIRECTORY, SettingsError
from eventfold.settings.library import MAX_RECORD, RecordLimits, Settings

__all__ = [
    "MAX_RECORD",
    "SECRETS_DIRECTORY",
    "RecordLimits",
    "Settings",
    "SettingsError",
    "settings",
    "use",
]

_read: Callable[[], Settings] = cache(Settings.load)


def use(read: Callable[[], Settings]) -> None:
    """Make `settings()` return what `read` returns: the settings of the application."""
    global _read  # noqa: PLW0603  # one application a process, until each topic has its own
    _read = read


def settings() -> Settings:
    """Return the settings of this process, which are read once."""
    return _read()
