"""Stateless operator that routes log lines by severity, for `agents/logs.py`; not read."""

from app import app
from app.logs.lines import Router
from app.logs.topics import LOGS, LOGS_BY_CLASS

by_severity = app.processor(
    LOGS,
    name="logs-by-severity",
    outputs=LOGS_BY_CLASS.values(),
    help="Lines of logs, to the topic of their severity",
    agent=False,
)(Router(LOGS_BY_CLASS))
