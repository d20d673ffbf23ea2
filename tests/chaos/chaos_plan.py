"""Plan of a run of chaos, drawn from its seed: how many workers, how much input, faults.

No I/O and no clock: the same seed gives the same plan. The state of the processes at the instant of
a fault is not in a plan, and differs between runs of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

#: Maximum number of workers alive at once: the machine has few cores.
MAX_WORKERS = 4

#: Seconds from the first tick to the first fault, to the last new fault, to the last tick.
FIRST_FAULT, LAST_FAULT, FEED = 1.0, 8.0, 12.0

#: Seconds without other faults that some plans leave to a graceful stop.
QUIET = 4.0

#: Seconds between two faults.
GAPS = (0.8, 3.5)


class Action(NamedTuple):
    """One action on a process: `at` in seconds after the first tick, `worker` by number.

    To a worker: `start`, `wipe` (start without its data directory), `stop` (SIGTERM), `kill`,
    `pause`, `resume`; to the broker: `broker-stop`, `broker-kill`, `broker-start`; to its
    transactions, while fetching goes on: `coordinator-freeze`, `coordinator-thaw`. Of three
    brokers it is the one that coordinates the group.
    """

    at: float
    kind: str
    worker: int | None = None


@dataclass(frozen=True)
class Plan:
    """A run: `rate` ticks/s for `FEED` seconds, `step` ms of event time apart."""

    seed: int
    workers: int
    symbols: int
    rate: int
    step: int
    #: Descriptions of the faults.
    faults: tuple[str, ...]
    actions: tuple[Action, ...]
    #: Whether workers are static members, which have another address after each start.
    static: bool = False
    #: 1, or 3 that replicate: the group's coordinator moves when one is away.
    brokers: int = 1

    @property
    def ticks(self) -> int:
        """The number of ticks."""
        return int(self.rate * FEED)

    def __str__(self) -> str:
        members = "static workers" if self.static else "workers"
        where = " on 3 brokers" if self.brokers > 1 else ""
        return f"{self.workers} {members}{where}: {', '.join(self.faults)}"


def plan(seed: int) -> Plan:
    """Draw the plan of a seed."""
    random = Random(f"chaos {seed}")
    workers = random.randint(2, 4)
    brokers = 3 if Random(f"brokers {seed}").random() < 0.2 else 1
    script = _Script(random, workers, brokers)
    at = FIRST_FAULT
    if Random(f"peace {seed}").random() < 0.25:
        script.add_undisturbed_stop(at)
        at += QUIET
    while at < LAST_FAULT:
        script.add_fault(round(at, 2))
        # Several faults at once, now and then.
        at += 0.05 if random.random() < 0.25 else random.uniform(*GAPS)
    return Plan(
        seed,
        workers,
        symbols=random.randint(24, 48),
        rate=random.randint(5_000, 10_000),
        step=random.randint(30, 50),
        faults=tuple(script.faults),
        actions=tuple(sorted(script.actions, key=lambda action: action.at)),
        static=Random(f"static {seed}").random() < 0.3,
        brokers=brokers,
    )


@dataclass
class _Script:
    """Faults that can follow each other: only running workers are hit, and at least one stays."""

    random: Random
    workers: int
    brokers: int
    faults: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    #: When each worker is up again (s), by number.
    _up_at: dict[int, float] = field(default_factory=dict)
    _broker_done: bool = False
    _all_done: bool = False
    _frozen_done: bool = False

    def __post_init__(self) -> None:
        self._up_at = dict.fromkeys(range(self.workers), 0.0)

    def add_fault(self, at: float) -> None:
        """Add one of the faults that can happen at `at` (s)."""
        up_now = self._up_now(at)
        possible: dict[Callable[[float], None], int] = {}
        if up_now:
            possible = {self._kill: 4, self._pause: 4, self._stop: 3, self._wipe: 2}
        if len(self._up_at) < MAX_WORKERS:
            possible[self._join] = 2
        if not self._broker_done:
            possible[self._restart_broker] = 3
        if not self._frozen_done and self.brokers == 1:
            possible[self._freeze_coordinator] = 4
        if not self._all_done and len(up_now) == len(self._up_at):
            possible[self._kill_all] = 1
        if possible:
            (fault,) = self.random.choices(list(possible), weights=list(possible.values()))
            fault(at)

    def add_undisturbed_stop(self, at: float) -> None:
        """Stop a worker for a while, in the middle of its batches and without other faults."""
        worker = self._pick(at)
        self._do(at, "stop", worker)
        self._note_fault(at, f"stop {worker}{self._schedule_return(worker, at + QUIET, 'start')}")

    def _up_now(self, at: float) -> list[int]:
        return [number for number, since in self._up_at.items() if since <= at]

    def _do(self, at: float, kind: str, worker: int | None = None) -> None:
        self.actions.append(Action(round(at, 2), kind, worker))

    def _note_fault(self, at: float, fault: str) -> None:
        self.faults.append(f"{fault} at {at:g}")

    def _stays_down(self, worker: int) -> bool:
        """Draw whether a worker stays down for good, if another one stays; if so, remove it."""
        if len(self._up_at) > 1 and self.random.random() < 0.35:
            del self._up_at[worker]
            return True
        return False

    def _schedule_return(self, worker: int, at: float, how: str) -> str:
        self._do(at, how, worker)
        self._up_at[worker] = at
        return f", back at {at:.1f}"

    def _pick(self, at: float) -> int:
        return self.random.choice(self._up_now(at))

    def _take_down(self, at: float, kind: str, back: tuple[float, float]) -> None:
        worker = self._pick(at)
        self._do(at, kind, worker)
        again = at + self.random.uniform(*back)
        rest = "" if self._stays_down(worker) else self._schedule_return(worker, again, "start")
        self._note_fault(at, f"{kind} {worker}{rest}")

    def _kill(self, at: float) -> None:
        self._take_down(at, "kill", (0.1, 4))

    def _stop(self, at: float) -> None:
        self._take_down(at, "stop", (1, 4))

    def _wipe(self, at: float) -> None:
        worker = self._pick(at)
        self._do(at, "kill", worker)
        self._schedule_return(worker, at + self.random.uniform(0.1, 4), "wipe")
        self._note_fault(at, f"wipe {worker}")

    def _pause(self, at: float) -> None:
        worker = self._pick(at)
        # Around the session time-out of 6 s: it is still a member then, or it is a zombie.
        seconds = self.random.choice([self.random.uniform(0.3, 3), self.random.uniform(6.5, 8.5)])
        self._do(at, "pause", worker)
        self._do(at + seconds, "resume", worker)
        self._up_at[worker] = at + seconds
        self._note_fault(at, f"pause {worker} for {seconds:.1f}")

    def _join(self, at: float) -> None:
        worker = 1 + max(action.worker or 0 for action in [*self.actions, Action(0, "", 3)])
        self._schedule_return(worker, at, "start")
        self._note_fault(at, f"join {worker}")

    def _restart_broker(self, at: float) -> None:
        kind = self.random.choice(["broker-kill", "broker-stop"])
        self._do(at, kind)
        self._do(at + self.random.uniform(0.1, 2), "broker-start")
        self._broker_done = True
        self._note_fault(at, kind if self.brokers == 1 else f"move coordinator: {kind}")

    def _freeze_coordinator(self, at: float) -> None:
        # Also for longer than a transaction may take (10 s): the broker aborts it then.
        seconds = self.random.choice([self.random.uniform(1, 4), self.random.uniform(10.5, 12)])
        self._do(at, "coordinator-freeze")
        self._do(at + seconds, "coordinator-thaw")
        self._frozen_done = True
        self._note_fault(at, f"freeze coordinator for {seconds:.1f}")

    def _kill_all(self, at: float) -> None:
        for worker in self._up_now(at):
            self._do(at, "kill", worker)
            self._schedule_return(worker, at + self.random.uniform(0.1, 3), "start")
        self._all_done = True
        self._note_fault(at, "kill all")
