"""logs -> logs-critical, logs-error, logs-warning, logs-info, by severity."""

from tables.logs import by_severity

__all__ = ["by_severity"]
