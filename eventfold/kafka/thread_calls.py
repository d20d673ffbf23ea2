"""Calls into the thread of a service, which always end when the thread ends."""

import asyncio
from collections.abc import Coroutine
from threading import Lock
from typing import Any

from mode.threads import ServiceThread


class CallableThread(ServiceThread):
    """Service in a thread of its own that runs coroutines for other threads.

    When it ends, mode cancels once what runs in the thread. A call that arrives after that would
    never return to its caller, and Python would log its task as destroyed, after the worker's last
    line.
    """

    abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Held while a call is submitted, and while the thread closes.
        self._gate = Lock()
        self._closed = False

    async def run_in_thread(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the thread and return its result.

        Not through Faust's queue of calls: it has two workers, one of which `getmany` occupies.

        Raises asyncio.CancelledError if the thread ends before the coroutine does.
        """
        with self._gate:
            if self._closed or self.thread_loop.is_closed():
                coroutine.close()
                raise asyncio.CancelledError
            running = asyncio.run_coroutine_threadsafe(coroutine, self.thread_loop)
        return await asyncio.wrap_future(running)

    def _stopped_set(self) -> None:
        # A crashed thread has closed its loop: mode would raise while it stops the other services.
        if not self.thread_loop.is_closed():
            super()._stopped_set()

    async def _gather_remaining_tasks(self) -> None:
        with self._gate:
            self._closed = True
        # After one turn of the loop, a call submitted before is a task.
        await asyncio.sleep(0)
        await super()._gather_remaining_tasks()
