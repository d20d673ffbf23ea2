"""What a table gives out: windows, and records it did not take."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from eventfold.windows.family import WindowFamily


class WindowResult(Struct, frozen=True, gc=False):
    """One window of one key. Times in ms.

    A session may grow backwards or into another one, and so get another start. What has been
    published under a start that is no more is withdrawn: by a final result with a count of 0.
    """

    key: str
    window: WindowFamily
    start: int
    end: int
    state: Any
    count: int
    first_offset: int
    last_offset: int
    #: Records that came after stream time had passed the window's end.
    late: int
    final: bool
    revision: int
    partition: int
    stream_time: int
    before: Callable[[str, int], Any | None]

    def __str__(self) -> str:
        """Name it in a message."""
        return f"window {self.window} [{self.start}, {self.end}) of key {self.key!r}"

    @property
    def newest_offset(self) -> int:
        """Highest source offset it follows from: its own, or one of what it looks back at."""
        return self.revision // 2

    def previous(self) -> Any | None:
        """Give the state of the key's last pane before this window; None if there is none."""
        return self.before(self.key, self.start)


class Refusal(Struct, frozen=True, gc=False):
    """Why a table did not take a record, and the record's source coordinates. Times in ms."""

    reason: str
    stream_time: int
    grace: int
    partition: int
    offset: int
    table: str
