"""Event-time windows: definitions, panes, folding and lateness, without I/O and without Faust."""

from eventfold.windows.calendars import Calendar, day, month, week
from eventfold.windows.counts import Count, count
from eventfold.windows.cumulate import Cumulate, cumulate
from eventfold.windows.definition import Grid, Span, WindowDefinition
from eventfold.windows.durations import format_duration, milliseconds, parse_duration
from eventfold.windows.emit_strategy import EmitStrategy, at_most_every, every_change, on_close
from eventfold.windows.errors import DefinitionError
from eventfold.windows.exchanges import Exchange, exchange
from eventfold.windows.fixed import Window, hopping, parse_windows, tumbling
from eventfold.windows.folding import Folded, MergeRuns, WindowFold, fold_windows
from eventfold.windows.lateness import (
    behind_bound,
    grace_for,
    is_final,
    is_late,
    kept_with,
    revision,
    watermark,
)
from eventfold.windows.panes import Evidence, Pane
from eventfold.windows.parsing import parse_window
from eventfold.windows.results import Rejection, WindowResult
from eventfold.windows.sessions import Session, session
from eventfold.windows.slices import Slices
from eventfold.windows.sliding import Sliding, sliding

__all__ = [
    "Calendar",
    "Count",
    "Cumulate",
    "DefinitionError",
    "EmitStrategy",
    "Evidence",
    "Exchange",
    "Folded",
    "Grid",
    "MergeRuns",
    "Pane",
    "Rejection",
    "Session",
    "Slices",
    "Sliding",
    "Span",
    "Window",
    "WindowDefinition",
    "WindowFold",
    "WindowResult",
    "at_most_every",
    "behind_bound",
    "count",
    "cumulate",
    "day",
    "every_change",
    "exchange",
    "fold_windows",
    "format_duration",
    "grace_for",
    "hopping",
    "is_final",
    "is_late",
    "kept_with",
    "milliseconds",
    "month",
    "on_close",
    "parse_duration",
    "parse_window",
    "parse_windows",
    "revision",
    "session",
    "sliding",
    "tumbling",
    "watermark",
    "week",
]
