"""Store with slow writes, for TICKSTREAM_MODULES, like a disk that can't keep up.

Each write takes SLOW_STORE_MS (100) longer.
"""

import os
import time
from collections.abc import Iterable

from eventfold.engine.store import Store

SECONDS = float(os.environ.get("SLOW_STORE_MS", "100")) / 1000

_write = Store.write


def _slow_write(
    self: Store,
    rows: Iterable[tuple[bytes, bytes | None]],
    offset: int,
    timed: bool,
    current: int | None = None,
) -> None:
    time.sleep(SECONDS)
    _write(self, rows, offset, timed, current)


Store.write = _slow_write  # type: ignore[method-assign]
