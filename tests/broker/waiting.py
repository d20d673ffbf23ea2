"""Waiting for the effects of other threads or processes."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 40) -> None:
    """Poll until `condition` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
