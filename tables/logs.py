"""Stateless operator that routes log lines by severity, for `agents/logs.py`; not read."""

from app import app
from app.logs.lines import Router
from app.logs.topics import LOGS, LOGS_BY_CLASS
from eventfold.engine.stateless import StatelessOperator

by_severity = StatelessOperator(
    app,
    name="logs-by-severity",
    source=LOGS,
    make=Router(LOGS_BY_CLASS),
    outputs=LOGS_BY_CLASS.values(),
    help="Lines of logs, to the topic of their severity",
)
