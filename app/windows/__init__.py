"""Event time: windows, panes, aggregates and lateness, without I/O and without Faust."""

from app.windows.aggregates import Aggregate
from app.windows.durations import format_duration, parse_duration
from app.windows.folding import Folded, fold_windows
from app.windows.lateness import horizon, is_final, is_late, revision
from app.windows.ohlc import Ohlc, OhlcState
from app.windows.panes import Evidence, Pane
from app.windows.results import Refusal, WindowResult
from app.windows.windowers import (
    Window,
    hopping,
    pane_size,
    parse_window,
    parse_windows,
    tumbling,
)

__all__ = [
    "Aggregate",
    "Evidence",
    "Folded",
    "Ohlc",
    "OhlcState",
    "Pane",
    "Refusal",
    "Window",
    "WindowResult",
    "fold_windows",
    "format_duration",
    "hopping",
    "horizon",
    "is_final",
    "is_late",
    "pane_size",
    "parse_duration",
    "parse_window",
    "parse_windows",
    "revision",
    "tumbling",
]
