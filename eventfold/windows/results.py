"""Outputs of a table: window results, and rejections of late records."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from eventfold.windows.definition import WindowDefinition


class WindowResult(Struct, frozen=True, gc=False):
    """Result of one window of one key. Times in ms.

    A session that grows backwards or is merged with another gets a new start. Results published
    under the old start are retracted by a final result with a count of 0.
    """

    key: str
    window: WindowDefinition
    start: int
    end: int
    state: Any
    count: int
    first_offset: int
    last_offset: int
    #: Records that arrived after stream time had passed the window's end.
    late: int
    final: bool
    revision: int
    partition: int
    stream_time: int
    before: Callable[[str, int], Any | None]

    def __str__(self) -> str:
        """Return the window's name for a message."""
        return f"window {self.window} [{self.start}, {self.end}) of key {self.key!r}"

    @property
    def newest_offset(self) -> int:
        """Highest source offset that the result follows from: of this or of the previous window."""
        return self.revision // 2

    def previous(self) -> Any | None:
        """Return the state of the key's last pane before this window, or None if there is none."""
        return self.before(self.key, self.start)


class Rejection(Struct, frozen=True, gc=False):
    """Rejection of a record by a table: the reason, and its source coordinates. Times in ms."""

    reason: str
    stream_time: int
    grace: int
    partition: int
    offset: int
    table: str
