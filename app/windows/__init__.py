"""Event time: windows, panes, aggregates and lateness, without I/O and without Faust."""

from app.windows.aggregates import Aggregate, layout_of, value_of
from app.windows.calendars import Calendar, day, month, week
from app.windows.counts import Count, count
from app.windows.cumulate import Cumulate, cumulate
from app.windows.durations import format_duration, milliseconds, parse_duration
from app.windows.emission import Emission, at_most_every, every_change, on_close
from app.windows.errors import DefinitionError
from app.windows.exchanges import Exchange, exchange
from app.windows.family import Grid, Span, WindowFamily
from app.windows.folding import Folded, MergeRuns, WindowFold, fold_windows
from app.windows.lateness import (
    behind_bound,
    grace_for,
    is_final,
    is_late,
    kept_with,
    revision,
    watermark,
)
from app.windows.ohlc import Ohlc, OhlcState
from app.windows.panes import Evidence, Pane
from app.windows.parsing import parse_window
from app.windows.results import Refusal, WindowResult
from app.windows.sessions import Session, session
from app.windows.slices import Slices
from app.windows.sliding import Sliding, sliding
from app.windows.windowers import Window, hopping, parse_windows, tumbling

__all__ = [
    "Aggregate",
    "Calendar",
    "Count",
    "Cumulate",
    "DefinitionError",
    "Emission",
    "Evidence",
    "Exchange",
    "Folded",
    "Grid",
    "MergeRuns",
    "Ohlc",
    "OhlcState",
    "Pane",
    "Refusal",
    "Session",
    "Slices",
    "Sliding",
    "Span",
    "Window",
    "WindowFamily",
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
    "layout_of",
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
    "value_of",
    "watermark",
    "week",
]
