"""Calls into a service's thread that end when it does, however close they come to its end."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, Any

from mode.threads import ServiceThread

if TYPE_CHECKING:
    from collections.abc import Coroutine


class CallableThread(ServiceThread):
    """A service in a thread of its own that runs coroutines for other threads.

    mode cancels once, at its end, what runs in the thread. A call that came in between would never
    end, for whoever waits for it, and Python would log it as destroyed, after the worker's last
    words.
    """

    abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Held while a call is handed over, and while the thread closes.
        self._gate = Lock()
        self._closed = False

    async def run_in_thread(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the thread; return what it does.

        Not through Faust's queue of calls: it has two workers, one of which `getmany` holds.

        Raises asyncio.CancelledError if the thread ends before the coroutine does.
        """
        with self._gate:
            if self._closed or self.thread_loop.is_closed():
                coroutine.close()
                raise asyncio.CancelledError
            running = asyncio.run_coroutine_threadsafe(coroutine, self.thread_loop)
        return await asyncio.wrap_future(running)

    def _stopped_set(self) -> None:
        # A thread that has crashed has closed its loop: mode would raise where it stops the rest.
        if not self.thread_loop.is_closed():
            super()._stopped_set()

    async def _gather_remaining_tasks(self) -> None:
        with self._gate:
            self._closed = True
        # What was handed over before is a task after one turn of the loop.
        await asyncio.sleep(0)
        await super()._gather_remaining_tasks()
