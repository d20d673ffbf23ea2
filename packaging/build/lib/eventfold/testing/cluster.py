"""Workers of a driver, and the progress of time for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventfold.testing.errors import DriverError
from eventfold.testing.worker import Worker
from eventfold.windows import format_duration

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable
    from pathlib import Path

    from eventfold.testing.environment import Environment
    from eventfold.testing.group import Assignment

#: Most instants until all work is done; more are an endless loop.
PATIENCE = 50_000

#: Time (ms) within which `settle` searches for the next timer.
LEAP = 3_600_000


class Cluster:
    """Workers by name; their data directories outlive them."""

    def __init__(self, environment: Environment, directory: Path) -> None:
        self._environment = environment
        self._directory = directory
        self._workers: dict[str, Worker] = {}

    def __getitem__(self, name: str) -> Worker:
        if name not in self._workers:
            raise DriverError(f"there is no worker {name!r}, there are {sorted(self._workers)}")
        return self._workers[name]

    def named(self, names: Iterable[str]) -> list[Worker]:
        """Return these workers, all without names. Raises DriverError for an unknown one."""
        return [self[name] for name in list(names) or list(self._workers)]

    def _awake(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if not worker.frozen]

    # -- time

    def run(self) -> None:
        """Run all work that is possible without time passing. Raises the first error of it."""
        loop = self._environment.loop
        while True:
            loop.run_ready()
            if loop.errors:
                raise _first(loop.errors)
            # Round-robin: one batch of each partition, then the next of each.
            if sum(worker.fetch() for worker in self._awake()) == 0:
                return

    def advance(self, duration: int) -> None:
        """Advance the clock by `duration` (ms) and fire the timers that are due."""
        clock = self._environment.clock
        until = clock.elapsed + duration
        self.run()
        while (due := self._next_due(until)) is not None:
            self._go_to(due)
        clock.elapsed = until

    def settle(self) -> None:
        """Advance the clock until no worker has pending work.

        Raises DriverError after `PATIENCE` instants.
        """
        clock = self._environment.clock
        begun = clock.elapsed
        for _ in range(PATIENCE):
            self.run()
            busy = [worker for worker in self._awake() if worker.at_work or worker.has_to_write()]
            if not busy:
                return
            due = self._next_due(clock.elapsed + LEAP)
            if due is None:
                clock.elapsed += LEAP
            else:
                self._go_to(due)
        passed = format_duration(clock.elapsed - begun)
        raise DriverError(f"{busy[0].name} has not come to rest in {passed}")

    def complete(self, calls: Iterable[tuple[Worker, Coroutine[Any, Any, Any]]]) -> None:
        """Run coroutines of workers until they are done, and advance the clock as needed.

        Raises their errors, and DriverError if one waits without a timer.
        """
        running = [worker.spawn(coroutine) for worker, coroutine in calls]
        self.run()
        while not all(task.done() for task in running):
            due = self._environment.loop.next_due(naps=True)
            if due is None:
                raise DriverError("a worker waits for something that never comes")
            self._go_to(due)
        for task in running:
            task.result()

    def _next_due(self, until: int) -> int | None:
        """Return the time (elapsed ms) of the next timer up to `until`; None without one."""
        loop, clock = self._environment.loop, self._environment.clock
        timer = loop.next_due(naps=False)
        limit = until if timer is None else min(until, timer)
        now = clock.seconds(limit)
        if not any(worker.at_work or worker.has_to_write_by(now) for worker in self._awake()):
            loop.pass_over_naps(limit)
        due = loop.next_due(naps=True)
        return due if due is not None and due <= until else None

    def _go_to(self, due: int) -> None:
        self._environment.clock.elapsed = due
        self._environment.loop.fire()
        self.run()

    # -- workers

    def assign(self, assignment: Assignment) -> None:
        """Reassign partitions as an eager rebalance does: close all tasks, then open them.

        Raises DriverError for a frozen worker.
        """
        for name in assignment:
            if name in self._workers and self._workers[name].frozen:
                raise DriverError(f"{name} is frozen: thaw or kill it first")
        self.complete((worker, worker.revoke()) for worker in self._awake())
        for worker in self._awake():
            if worker.name not in assignment:
                self.end(worker)
        self._environment.group.next(assignment)
        for name in assignment:
            if name not in self._workers:
                worker = Worker(name, self._directory / name, self._environment)
                self._workers[name] = worker
                worker.start()
        opening = [self._workers[name] for name in assignment]
        if opening:
            # Tables take the clock and the settings from these tasks.
            self._environment.app.tasks = opening[0].tasks
        self.complete((worker, worker.open()) for worker in opening)

    def stop(self, workers: Iterable[Worker]) -> None:
        """Shut workers down cleanly, with a last checkpoint."""
        stopped = list(workers)
        self.complete((worker, worker.tasks.stop_all()) for worker in stopped)
        for worker in stopped:
            self.end(worker)

    def end(self, worker: Worker) -> None:
        """End a worker at once, without a checkpoint."""
        worker.kill()
        del self._workers[worker.name]

    def freeze(self, worker: Worker) -> None:
        """Freeze a worker."""
        worker.frozen = True
        self._environment.loop.freeze(worker.name)

    def thaw(self, worker: Worker) -> None:
        """Resume a frozen worker."""
        worker.frozen = False
        self._environment.loop.thaw(worker.name)


def _first(errors: list[BaseException]) -> BaseException:
    """Return the first error with the others as notes, and clear the list."""
    first, *others = errors
    errors.clear()
    for other in others:
        first.add_note(f"and {other!r}")
    return first
