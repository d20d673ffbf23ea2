"""Workers of a driver: their partitions, their lives, and the progress of time for all."""

from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from eventfold.engine.errors import UnwritableError
from eventfold.engine.task import Task
from eventfold.engine.tasks import Tasks
from eventfold.harness.journal import EXPECTED, MemoryJournal
from eventfold.harness.worker import Assignment, Environment, Worker
from eventfold.settings import Settings
from eventfold.testing.loop import DriverError, VirtualClock, VirtualLoop
from eventfold.windows import format_duration

#: Most instants until all work is done; more are an endless loop.
PATIENCE = 50_000

#: Time (ms) within which `settle` searches for the next timer.
LEAP = 3_600_000


class DriverTasks(Tasks):
    """Tasks of a worker, which report to the driver errors that no injected fault explains."""

    def __init__(self, conf: Settings, directory: Path, errors: list[BaseException]) -> None:
        super().__init__(conf, directory)
        self._errors = errors

    async def _lose(self, task: Task, error: BaseException) -> None:
        # Reopening the task finds the record whose row can't be written.
        if not isinstance(error, (*EXPECTED, UnwritableError)):
            self._errors.append(error)
        await super()._lose(task, error)

    def next_phase(self) -> float:
        """Return 1.0: tasks checkpoint a whole interval after they opened, as tests expect."""
        return 1.0

    async def crash(self, reason: BaseException) -> None:
        """Report the reason to the driver instead of stopping the process."""
        self._errors.append(reason)


class Cluster:
    """Workers by name, with directories that outlive them; commits take `commit_time` (s)."""

    def __init__(
        self,
        environment: Environment,
        directory: Path,
        *,
        clock: VirtualClock,
        loop: VirtualLoop,
        commit_time: float,
    ) -> None:
        self._environment = environment
        self._directory = directory
        self._clock = clock
        self._loop = loop
        self._commit_time = commit_time
        self._workers: dict[str, Worker] = {}
        self._frozen: set[str] = set()

    def __getitem__(self, name: str) -> Worker:
        if name not in self._workers:
            raise DriverError(f"there is no worker {name!r}, there are {sorted(self._workers)}")
        return self._workers[name]

    def named(self, names: Iterable[str]) -> list[Worker]:
        """Return these workers, all without names. Raises DriverError for an unknown one."""
        return [self[name] for name in list(names) or list(self._workers)]

    def _awake(self) -> list[Worker]:
        return [worker for name, worker in self._workers.items() if name not in self._frozen]

    # -- time

    def run(self) -> None:
        """Run all work that is possible without time passing. Raises the first error of it."""
        loop = self._loop
        while True:
            loop.run_ready()
            if loop.errors:
                raise _first(loop.errors)
            # Round-robin: one batch of each partition, then the next of each.
            if sum(worker.fetch() for worker in self._awake()) == 0:
                return

    def advance(self, duration: int) -> None:
        """Advance the clock by `duration` (ms) and fire the timers that are due."""
        clock = self._clock
        until = clock.elapsed + duration
        self.run()
        while (due := self._next_due(until)) is not None:
            self._go_to(due)
        clock.elapsed = until

    def settle(self) -> None:
        """Advance the clock until no worker has pending work. Raises DriverError."""
        clock = self._clock
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
        """Run coroutines of workers, advancing the clock. Raises their errors, DriverError."""
        running = [self._loop.spawn(worker.name, coroutine) for worker, coroutine in calls]
        self.run()
        while not all(task.done() for task in running):
            due = self._loop.next_due(naps=True)
            if due is None:
                raise DriverError("a worker waits for something that never comes")
            self._go_to(due)
        for task in running:
            task.result()

    def _next_due(self, until: int) -> int | None:
        """Return the time (elapsed ms) of the next timer up to `until`; None without one."""
        loop, clock = self._loop, self._clock
        timer = loop.next_due(naps=False)
        limit = until if timer is None else min(until, timer)
        now = clock.seconds(limit)
        if not any(worker.at_work or worker.has_to_write_by(now) for worker in self._awake()):
            loop.pass_over_naps(limit)
        due = loop.next_due(naps=True)
        return due if due is not None and due <= until else None

    def _go_to(self, due: int) -> None:
        self._clock.elapsed = due
        self._loop.fire()
        self.run()

    # -- workers

    def assign(self, assignment: Assignment) -> None:
        """Close all tasks, then open them, as an eager rebalance does. Raises DriverError."""
        for name in assignment:
            if name in self._frozen:
                raise DriverError(f"{name} is frozen: thaw or kill it first")
        self.complete((worker, worker.revoke()) for worker in self._awake())
        for worker in self._awake():
            if worker.name not in assignment:
                self.end(worker)
        self._environment.group.next(assignment)
        for name in assignment:
            if name not in self._workers:
                self._workers[name] = self._new_worker(name)
                self._workers[name].start()
        opening = [self._workers[name] for name in assignment]
        if opening:
            # Tables take the clock and the settings from these tasks.
            self._environment.app.tasks = opening[0].tasks
        self.complete((worker, worker.open()) for worker in opening)

    def _new_worker(self, name: str) -> Worker:
        environment = self._environment
        tasks = DriverTasks(environment.conf, self.directory(name), self._loop.errors)
        journal = MemoryJournal(environment.kafka, self._commit_time)
        return Worker(name, tasks, environment, journal)

    def directory(self, name: str) -> Path:
        """Return the data directory of a worker."""
        return self._directory / name

    def stop(self, workers: Iterable[Worker]) -> None:
        """Shut workers down cleanly, with a last checkpoint."""
        stopped = list(workers)
        self.complete((worker, worker.tasks.stop_all()) for worker in stopped)
        for worker in stopped:
            self.end(worker)

    def end(self, worker: Worker) -> None:
        """End a worker at once, without a checkpoint."""
        self._loop.kill(worker.name)
        worker.abandon()
        del self._workers[worker.name]
        self._frozen.discard(worker.name)

    def freeze(self, worker: Worker) -> None:
        """Freeze a worker."""
        self._frozen.add(worker.name)
        self._loop.freeze(worker.name)

    def thaw(self, worker: Worker) -> None:
        """Resume a frozen worker."""
        self._frozen.discard(worker.name)
        self._loop.thaw(worker.name)


def _first(errors: list[BaseException]) -> BaseException:
    """Return the first error with the others as notes, and clear the list."""
    first, *others = errors
    errors.clear()
    for other in others:
        first.add_note(f"and {other!r}")
    return first


def spread(workers: Iterable[str], numbers: Mapping[str, range]) -> Assignment:
    """Assign each topic's partitions to the workers in turn, each topic beginning with another one.

    So partition 0 of a stage behind a repartition is not on the worker of partition 0 of its
    source. `numbers` are the partitions of each topic. Raises DriverError without workers.
    """
    names = list(workers)
    if not names:
        raise DriverError("a rebalance needs at least one worker: or kill them all")
    assignment: Assignment = {name: [] for name in names}
    for shift, (topic, partitions) in enumerate(numbers.items()):
        for number in partitions:
            name = names[(number + shift) % len(names)]
            assignment[name].append(TopicPartition(topic, number))
    return assignment


def whole(workers: Mapping[str, Iterable[int]], numbers: Mapping[str, range]) -> Assignment:
    """Assign to each worker the partitions of its numbers. Raises DriverError."""
    owner: dict[int, str] = {}
    for name, given in workers.items():
        for number in given:
            if number in owner:
                raise DriverError(f"partition {number} goes to {owner[number]} and to {name}")
            owner[number] = name
    every = {number for partitions in numbers.values() for number in partitions}
    missing, unknown = sorted(every - owner.keys()), sorted(owner.keys() - every)
    if missing or unknown:
        raise DriverError(
            f"each partition goes to one worker: there is none for {missing}, no such {unknown}"
        )
    assignment: Assignment = {name: [] for name in workers}
    for topic, partitions in numbers.items():
        for number in partitions:
            assignment[owner[number]].append(TopicPartition(topic, number))
    return assignment
