"""The optional native extension: the innermost loops of candles in C, with bit-identical results.

`make native` builds it from `native/`. The pure-Python fallback is used without it, with
EVENTFOLD_NATIVE=false, and for every case that the extension does not cover; see
docs/performance.md.
"""

from functools import cache
from typing import Any, NamedTuple

from eventfold.settings import Settings

#: Interface version that the extension must have; one with another was built for other code.
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
    """Return the extension, or None if it is not installed or was built for other code."""
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


def in_words(conf: Settings) -> str:
    """Describe, for the log, whether the extension is used, or why it is not."""
    if not conf.native:
        return f"by pure Python: {conf.variable('native')} is off"
    if extension() is None:
        return "by pure Python: the native extension is not installed"
    return "by the native extension"
