"""What the native extension is told of candles: its loops know no type of the product."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from app.market.candles import candle
from app.market.records import Candle
from eventfold.aggregates import OhlcState
from eventfold.engine.partition import encode_record
from eventfold.windows import Pane, Window, WindowResult

if TYPE_CHECKING:
    from eventfold.native import Extension


def pane_maker(native: Extension | None) -> Callable[..., Pane]:
    """Give what makes panes: the extension's own look the same, and their zero is no state."""
    return Pane if native is None else partial(native.panes.Pane, OhlcState)


def publication(native: Extension, window: Window, **of_partition: Any) -> Any:
    """Give one publication of windows of a kind; see `Publication` of windows.pyx."""
    return native.windows.Publication(
        window,
        result=WindowResult,
        state=OhlcState,
        candle=candle,
        record=Candle,
        encode=encode_record,
        **of_partition,
    )
