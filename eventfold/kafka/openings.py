"""Tasks that are to run, and get no further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventfold.engine.task import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventfold.engine.task import Task
    from eventfold.engine.tasks import Tasks

#: Seconds without progress that any task may take until it runs, above a transaction's time-out:
#: one that its last owner left open may be in the way for so long.
LIMIT = 60.0


@dataclass
class _Opening:
    begun: float
    #: When it last got further.
    progressed: float
    #: How far it has come: another value is progress.
    mark: object


class Openings:
    """Notes how far the tasks of a worker have come that do not run yet.

    A task may rest for `LIMIT` and for as long as it has taken so far: the more there was to
    restore, the longer may the next step take.
    """

    def __init__(self, tasks: Tasks, left: Callable[[], int]) -> None:
        self._tasks = tasks
        #: What Faust has still to restore of the tables that are its own: all tasks wait for it.
        self._left = left
        self._limit = LIMIT + tasks.conf.transaction_timeout / 1000
        self._openings: dict[Task, _Opening] = {}

    def note(self, now: float) -> None:
        """Look at all tasks, at `now` (s)."""
        # One that has failed is closed until it is opened again.
        opening = [task for task in self._tasks.all if task.state is not State.RUNNING]
        before, self._openings = self._openings, {}
        for task in opening:
            mark = self._mark(task)
            seen = before.get(task)
            if seen is None:
                seen = _Opening(now, now, mark)
            elif seen.mark != mark:
                seen.progressed, seen.mark = now, mark
            self._openings[task] = seen

    @property
    def pending(self) -> bool:
        """Whether a task did not run when they were looked at last."""
        return bool(self._openings)

    def stuck(self, now: float, *, answering: float) -> Iterator[str]:
        """Yield a text for each task that is stuck, where brokers answer for `answering` (s)."""
        for task, seen in self._openings.items():
            limit = self._limit + seen.progressed - seen.begun
            rests = min(now - seen.progressed, answering)
            if task.state is not State.RUNNING and rests > limit:
                yield f"task {task.name} does not run and gets no further: it is {task.state.value}"

    def _mark(self, task: Task) -> object:
        read = task.restoring.position if task.restoring else 0
        return task.state, len(task.states), read, self._left()
