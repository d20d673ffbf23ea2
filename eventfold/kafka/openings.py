"""Progress of tasks that do not run yet, to find those that are stuck."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eventfold.engine.task import State, Task
from eventfold.engine.tasks import Tasks

#: Seconds without progress that a task may take until it runs, in addition to the transaction
#: time-out: a transaction that the last owner left open may block it for so long.
LIMIT = 60.0


@dataclass
class _Opening:
    begun: float
    #: Time (s) of its last progress.
    progressed: float
    #: State of its progress: another value is progress.
    mark: object


class Openings:
    """Progress of those tasks of a worker that do not run yet.

    A task may make no progress for `LIMIT` plus the time of its opening so far: the more there was
    to restore, the longer the next step may take.
    """

    def __init__(self, tasks: Tasks, left: Callable[[], int]) -> None:
        self._tasks = tasks
        #: Number of rows that Faust has still to restore of its own tables: all tasks wait for it.
        self._left = left
        self._limit = LIMIT + tasks.conf.transaction_timeout / 1000
        self._openings: dict[Task, _Opening] = {}

    def note(self, now: float) -> None:
        """Record the progress of all tasks at `now` (s)."""
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
        """Whether any task did not run at the last call of `note`."""
        return bool(self._openings)

    def stuck(self, now: float, *, answering: float) -> Iterator[str]:
        """Yield a description of each stuck task; brokers have answered for `answering` s."""
        for task, seen in self._openings.items():
            limit = self._limit + seen.progressed - seen.begun
            rests = min(now - seen.progressed, answering)
            if task.state is not State.RUNNING and rests > limit:
                yield f"task {task.name} does not run and gets no further: it is {task.state.value}"

    def _mark(self, task: Task) -> object:
        read = task.restoring.position if task.restoring else 0
        return task.state, len(task.states), read, self._left()
