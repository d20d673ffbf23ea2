"""The processes of a run and the actions on them: Kafka, several workers.

A worker must not end by itself, or take long to stop: that is a problem. Only one that finds no
broker while it starts may end; it is started again, as by any supervisor.
"""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from chaos_kafka import OneBroker, ThreeBrokers, describe_group
from chaos_plan import Action
from confluent_kafka.admin import AdminClient
from workers import Worker

#: Seconds after which an orchestrator kills a worker that was asked to stop (Kubernetes by
#: default), and after which a run does. On an idle machine a stop takes one to five.
TERMINATION_GRACE, STOP_TIMEOUT = 30.0, 60.0

_CLOSED = re.compile(r"Task (\S+) is closed: folded to offset (\d+), committed to (\d+)")


@dataclass
class _Stop:
    """A worker that is stopping gracefully."""

    number: int
    #: Whether no other fault was going on.
    undisturbed: bool
    #: The tasks it ran.
    tasks: int
    #: Length of its log before the stop.
    logged: int
    #: Whether it had been ready since it was started.
    was_ready: bool
    waiting: Thread = field(default_factory=Thread)


class Processes:
    """Do the actions of a plan; `problems` has what processes must not do."""

    def __init__(
        self,
        kafka: OneBroker | ThreeBrokers,
        directory: Path,
        application: str,
        settings: Mapping[str, object],
        *,
        static: bool,
    ) -> None:
        self._kafka = kafka
        self._settings = settings
        self._static = static
        self._frozen = False
        #: Source by table, and how many tasks there are: one for each partition of a source.
        self._sources: dict[str, str] = {}
        self._tasks = 0
        self.problems: list[str] = []
        #: Seconds that each graceful stop took; how many were undisturbed.
        self.stops: list[float] = []
        self.undisturbed = 0
        self._directory = directory
        self._application = application
        self._workers: dict[int, Worker] = {}
        #: Those that should be running, and of these the paused ones.
        self._expected_up: set[int] = set()
        self._paused: set[int] = set()
        self._stopping: dict[int, _Stop] = {}
        self._broker_starting: Thread | None = None
        self._broker_down = False
        #: When the broker came back last, and each worker was started last (monotonic s).
        self._broker_back = 0.0
        self._started: dict[int, float] = {}
        self._done = 0

    def do(self, action: Action) -> None:
        """Do one action of a plan."""
        self._done += 1
        self._note_exits()
        method = action.kind.replace("-", "_")
        if action.worker is None:
            act: Callable[[], None] = getattr(self, f"_{method}")
            act()
        else:
            to_worker: Callable[[int], None] = getattr(self, f"_{method}")
            to_worker(action.worker)

    # -- workers

    def _start(self, number: int) -> None:
        self._await_broker()  # if it is starting; without a broker the worker logs it and ends
        self._await_stop(number)
        if number not in self._workers:
            member = {"CONSUMER_GROUP_INSTANCE_ID": f"w{number}"} if self._static else {}
            self._workers[number] = Worker(
                self._kafka.address,
                self._directory,
                self._application,
                **self._settings,
                **member,
            )
        elif self._static:
            self._workers[number].move()
        self._started[number] = time.monotonic()
        self._workers[number].start(wait=False)
        self._expected_up.add(number)

    def _wipe(self, number: int) -> None:
        shutil.rmtree(self._workers[number].data, ignore_errors=True)
        self._start(number)

    def _kill(self, number: int) -> None:
        self._expected_up.discard(number)
        self._workers[number].kill()

    def _pause(self, number: int) -> None:
        self._paused.add(number)
        self._workers[number].pause()

    def _resume(self, number: int) -> None:
        self._paused.discard(number)
        self._workers[number].resume()

    def _stop(self, number: int) -> None:
        worker = self._workers[number]
        if number not in self._expected_up or worker.process is None:
            return  # it ended by itself, which is noted
        if not worker.running:
            self._expected_up.discard(number)  # it found no broker
            return
        settled = self.settled()
        stop = _Stop(
            number,
            undisturbed=settled,
            tasks=len(self._open_tasks(worker)) if settled else 0,
            logged=len(worker.log),
            was_ready=worker.ready,
        )
        self._expected_up.discard(number)
        worker.process.terminate()
        stop.waiting = Thread(target=self._await_exit, args=[stop, self._done], daemon=True)
        stop.waiting.start()
        self._stopping[number] = stop

    def _await_exit(self, stop: _Stop, done: int) -> None:
        worker, begun = self._workers[stop.number], time.monotonic()
        assert worker.process is not None
        try:
            code = worker.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.problems.append(f"worker {stop.number} did not stop in {STOP_TIMEOUT:.0f} s")
            worker.kill()
            return
        seconds = time.monotonic() - begun
        self.stops.append(seconds)
        # It may have been ending without a broker; and before it handles signals, SIGTERM
        # ends it.
        starting_up = not stop.was_ready and code == -signal.SIGTERM
        if code != 0 and not (starting_up or self._ended_without_broker(stop.number)):
            self.problems.append(f"worker {stop.number} stopped with {code}:\n{worker.tail()}")
        if seconds > TERMINATION_GRACE:
            self.problems.append(f"worker {stop.number} took {seconds:.1f} s to stop")
        if stop.undisturbed and self._done == done:
            self._check_all_committed(stop, worker)

    def _check_all_committed(self, stop: _Stop, worker: Worker) -> None:
        """Check that an undisturbed stop has committed all that is folded."""
        self.undisturbed += 1
        closed = _CLOSED.findall(worker.log[stop.logged :])
        if len(closed) != stop.tasks:
            self.problems.append(f"worker {stop.number} had {stop.tasks} tasks, closed {closed}")
        behind = [task for task in closed if task[1] != task[2]]
        if behind:
            self.problems.append(f"worker {stop.number} stopped with tasks not committed: {behind}")

    def _await_stop(self, number: int) -> None:
        stop = self._stopping.pop(number, None)
        if stop is not None:
            stop.waiting.join()

    # -- the broker

    def _broker_kill(self) -> None:
        self._broker_down = True
        self._kafka.kill()

    def _broker_stop(self) -> None:
        self._broker_down = True
        self._kafka.stop()

    def _broker_start(self) -> None:
        # In a thread, since other faults happen while it starts.
        self._broker_starting = Thread(target=self._bring_broker_back, daemon=True)
        self._broker_starting.start()

    def _bring_broker_back(self) -> None:
        self._kafka.start()
        self._broker_back = time.monotonic()

    def _await_broker(self) -> None:
        starting = self._broker_starting
        if starting is not None:
            starting.join()
            self._broker_starting = None
            self._broker_down = False

    def _coordinator_freeze(self) -> None:
        assert isinstance(self._kafka, OneBroker)
        self._frozen = True
        self._kafka.freeze()

    def _coordinator_thaw(self) -> None:
        self._frozen = False
        self._kafka.thaw()

    # -- state

    @property
    def sources(self) -> list[str]:
        """The sources of all tables."""
        return sorted(set(self._sources.values()))

    @property
    def alive(self) -> list[Worker]:
        """The workers that should be running."""
        return [self._workers[number] for number in sorted(self._expected_up)]

    @property
    def logs(self) -> list[Path]:
        """The paths of the workers' logs."""
        return [worker.log_path for worker in self._workers.values()]

    def _note_exits(self) -> None:
        for number in sorted(self._expected_up):
            worker = self._workers[number]
            if worker.running:
                continue
            if not self._ended_without_broker(number):
                self._expected_up.discard(number)
                self.problems.append(
                    f"worker {number} ended by itself with {worker.exit_code}:\n{worker.tail()}"
                )
            elif not self._broker_away:
                self._start(number)

    def _ended_without_broker(self, number: int) -> bool:
        """Return whether a worker ended for the one allowed reason: it found no broker."""
        last = self._workers[number].tail(1)
        was_away = self._broker_away or self._broker_back > self._started[number]
        return (
            self._kafka.may_be_away
            and was_away
            and last.startswith("no Kafka broker answers at BROKER_URL=")
        )

    @property
    def _broker_away(self) -> bool:
        starting = self._broker_starting
        if starting is not None and not starting.is_alive():
            self._await_broker()
        return self._broker_down

    def settled(self) -> bool:
        """Return whether nothing is going on: all are ready and have all tasks among them."""
        self._note_exits()
        if self._broker_away or self._paused or self._frozen or self._stopping_now():
            return False
        if not all(worker.ready for worker in self.alive):
            return False
        if not self._sources and self.alive:
            self._learn_sources(self.alive[0])
        held = [task for worker in self.alive for task in self._open_tasks(worker)]
        return len(held) == len(set(held)) == self._tasks

    def all_are_members(self) -> bool:
        """Return whether each worker is a member of the group, also one without partitions."""
        members = describe_group(self._kafka.bootstrap, self._application).members
        return len(members) == len(self.alive)

    def _learn_sources(self, worker: Worker) -> None:
        known = AdminClient({"bootstrap.servers": self._kafka.bootstrap}).list_topics(timeout=10)
        self._sources = {each["name"]: each["source"] for each in worker.get("/api/tables")[1]}
        sources = set(self._sources.values())
        self._tasks = sum(len(known.topics[name].partitions) for name in sources)

    def _stopping_now(self) -> bool:
        return any(stop.waiting.is_alive() for stop in self._stopping.values())

    def _open_tasks(self, worker: Worker) -> set[tuple[str, int]]:
        tables = worker.get("/readyz")[1]["tables"]
        return {(self._sources[t], number) for t in self._sources for number in tables[t]["open"]}

    def stop_all(self) -> None:
        """Stop all workers at once, and await them."""
        self._note_exits()
        numbers = sorted(self._expected_up)
        for number in numbers:
            self._stop(number)
        for number in numbers:
            self._await_stop(number)

    def end(self) -> None:
        """Kill all workers and wait for a starting broker, so that no process outlives the run."""
        self._kafka.thaw()
        for worker in self._workers.values():
            worker.kill()
        self._await_broker()
