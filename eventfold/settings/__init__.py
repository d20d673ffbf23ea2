"""Settings of an application: environment variables, typed, with defaults.

An application subclasses `Settings` with its own and chooses a prefix for all (`prefixed`). It is
handed them, and hands them on: nothing reads the environment by itself.
"""

from eventfold.environment import SettingsError, prefixed
from eventfold.settings.library import MAX_RECORD, Settings
from eventfold.settings.limits import RecordLimits, limit_records

__all__ = [
    "MAX_RECORD",
    "RecordLimits",
    "Settings",
    "SettingsError",
    "limit_records",
    "prefixed",
]
