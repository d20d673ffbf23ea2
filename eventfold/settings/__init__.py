"""Settings of one process: environment variables, typed, with defaults.

An application subclasses `Settings` with its own, chooses a prefix for all (`prefixed`), and names
with `use` what reads them: parts that are handed no settings, such as the names of topics, ask
`settings()`.
"""

from collections.abc import Callable
from functools import cache

from eventfold.environment import Environment, SettingsError, prefixed
from eventfold.settings.library import MAX_RECORD, RecordLimits, Settings

__all__ = [
    "MAX_RECORD",
    "RecordLimits",
    "Settings",
    "SettingsError",
    "prefixed",
    "record_limits",
    "settings",
    "use",
    "variable",
]

_read: Callable[[], Settings] = cache(Settings.load)
_prefix = Settings.prefix()


def use(read: Callable[[], Settings], prefix: str) -> None:
    """Make `settings()` return what `read` returns: the settings of the application.

    `prefix` is theirs; it has to be known before the first record type is imported.
    """
    global _read, _prefix  # one application a process, until each topic has its own
    _read, _prefix = read, prefix


def settings() -> Settings:
    """Return the settings of this process, which are read once."""
    return _read()


def variable(field: str) -> str:
    """Return the variable of a field, for messages of what is handed no settings."""
    return settings().variable(field)


def record_limits() -> RecordLimits:
    """Read the limits of texts alone: record types need them before all else."""

    class Limits(RecordLimits, Environment):
        model_config = prefixed(_prefix)

    return Limits.load()
