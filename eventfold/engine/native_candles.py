"""Types of candles, passed to the native extension: its loops know no type of the product."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from eventfold.aggregates import OhlcState
from eventfold.engine.outputs import encode_record
from eventfold.records.candles import Candle, candle
from eventfold.windows import Pane, Window, WindowResult

if TYPE_CHECKING:
    from eventfold.native import Extension


def pane_maker(native: Extension | None) -> Callable[..., Pane]:
    """Return the constructor of panes: the extension's if there is one, with the same interface.

    A pane of the extension that is made without a state is empty, as if of `OhlcState()`.
    """
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
