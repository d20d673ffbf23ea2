"""Topics of logs: logs -> logs-critical, logs-error, logs-warning, logs-info."""

from app.logs.lines import read_line
from app.logs.records import LogLine
from eventfold.topics import DAY, Timestamp, Topic

LOGS = Topic(
    "logs",
    LogLine,
    key="host",
    purpose="lines of logs: JSON objects or syslog, under any key or none",
    partitions=3,
    retention=8 * DAY,
    # Lines state their time in many forms, or not at all.
    time=Timestamp.CREATE,
    keyed=False,
    read=read_line,
    external=True,
)
LOGS_BY_CLASS = {
    name: Topic(
        f"logs-{name}", LogLine, key="host", purpose=f"lines that say: {words}", partitions=3
    )
    for name, words in {
        "critical": "emergency, alert, critical (RFC 5424's 0 to 2)",
        "error": "error (3)",
        "warning": "warning (4)",
        "info": "notice, info, debug (5 to 7)",
    }.items()
}
