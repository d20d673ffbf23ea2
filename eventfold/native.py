"""The optional extension: the innermost loops of candles in C, with the same results bit by bit.

`make native` builds it (`native/`); without it, or with TICKSTREAM_NATIVE=false, the Python that
it stands for does the work, as it does for all that isn't plain. docs/performance.md has more.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

#: What the extension has to say of itself: another one was built for other code.
INTERFACE = 7


class Extension(NamedTuple):
    """The modules of the extension."""

    panes: Any
    placing: Any
    records: Any
    trades: Any
    windows: Any
    rows: Any


@cache
def extension() -> Extension | None:
    """Give the extension; None where it is not installed, or built for other code."""
    try:
        import tickstream_native as found  # noqa: PLC0415  # it may be missing
        from tickstream_native import (  # noqa: PLC0415
            panes,
            placing,
            records,
            rows,
            trades,
            windows,
        )
    except ImportError:
        return None
    if found.INTERFACE != INTERFACE:
        return None
    return Extension(panes, placing, records, trades, windows, rows)


def in_words(*, wanted: bool) -> str:
    """Say, for the log, whether the extension is used, and why not if not."""
    if not wanted:
        return "by pure Python: TICKSTREAM_NATIVE is off"
    if extension() is None:
        return "by pure Python: the native extension is not installed (`make native`)"
    return "by the native extension"
