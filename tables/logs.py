"""The step that sorts lines of logs by severity; it keeps nothing but how far it is.

Written by `agents/logs.py`; there is nothing to read.
"""

from app import app
from app.logs.lines import Router
from app.logs.topics import LOGS, LOGS_BY_CLASS
from eventfold.engine.step import Step

by_severity = Step(
    app,
    name="logs-by-severity",
    source=LOGS,
    make=Router(LOGS_BY_CLASS),
    outputs=LOGS_BY_CLASS.values(),
    help="Lines of logs, to the topic of their severity",
)
