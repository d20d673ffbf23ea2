"""Types of candles, passed to the native extension: its loops know no type of the product."""

from collections.abc import Callable
from functools import partial
from typing import Any

from eventfold.aggregates import OhlcState
from eventfold.engine.outputs import encode_record
from eventfold.native import Extension
from eventfold.records.candles import Candle, candle
from eventfold.windows import Pane, Window, WindowResult


def pane_maker(native: Extension | None) -> Callable[..., Pane]:
    """Return the extension's constructor of panes, empty without a state; ours without it."""
    return Pane if native is None else partial(native.panes.Pane, OhlcState)


def publication(native: Extension, window: Window, **of_partition: Any) -> Any:
    """Return one publication of a window definition's windows: `Publication` of windows.pyx."""
    return native.windows.Publication(
        window,
        result=WindowResult,
        state=OhlcState,
        candle=candle,
        record=Candle,
        encode=encode_record,
        **of_partition,
    )
