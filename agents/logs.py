"""logs -> logs-critical, logs-error, logs-warning, logs-info, by severity."""

from app import app
from tables.logs import by_severity

fold_lines = app.fold(by_severity)
