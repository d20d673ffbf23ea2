"""Plan of a run of chaos, drawn from its seed: how many workers, how much input, faults.

No I/O and no clock: the same seed gives the same plan. What the processes are doing at the very
instant of a fault is not in a plan, and no two runs of it are the same in that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

#: Most workers alive at once: the machine has few cores.
MOST_WORKERS = 4

#: Seconds from the first tick to the first fault, to the last new fault, to the last tick.
FIRST_FAULT, LAST_FAULT, FEED = 1.0, 8.0, 12.0

#: Seconds that some plans leave to a graceful stop before anything else happens.
PEACE = 4.0

#: Seconds that a fault may follow the one before.
GAPS = (0.8, 3.5)


class Action(NamedTuple):
    """One thing done to a process: `at` in seconds after the first tick, `worker` by number.

    To a worker: `start`, `wipe` (start without its data directory), `stop` (SIGTERM), `kill`,
    `pause`, `resume`; to the broker: `broker-stop`, `broker-kill`, `broker-start`; to its
    transactions, while fetching goes on: `coordinator-freeze`, `coordinator-thaw`. Of three
    brokers it is the one that coordinates the group.
    """

    at: float
    what: str
    worker: int | None = None


@dataclass(frozen=True)
class Plan:
    """A run: `rate` ticks/s for `FEED` seconds, `step` ms of event time apart."""

    seed: int
    workers: int
    symbols: int
    rate: int
    step: int
    #: What is done, by people's names for it.
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
        kind = "static workers" if self.static else "workers"
        where = " on 3 brokers" if self.brokers > 1 else ""
        return f"{self.workers} {kind}{where}: {', '.join(self.faults)}"


def plan(seed: int) -> Plan:
    """Draw the plan of a seed."""
    random = Random(f"chaos {seed}")
    workers = random.randint(2, 4)
    brokers = 3 if Random(f"brokers {seed}").random() < 0.2 else 1
    script = _Script(random, workers, brokers)
    at = FIRST_FAULT
    if Random(f"peace {seed}").random() < 0.25:
        script.add_peaceful_stop(at)
        at += PEACE
    while at < LAST_FAULT:
        script.add_fault(round(at, 2))
        # Several at once, now and then.
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
    """Faults that can follow each other: nobody is hit twice before it is back, somebody stays."""

    random: Random
    workers: int
    brokers: int
    faults: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    #: Number → when it is up again (s), of those that will be.
    _up: dict[int, float] = field(default_factory=dict)
    _broker_done: bool = False
    _all_done: bool = False
    _frozen_done: bool = False

    def __post_init__(self) -> None:
        self._up = dict.fromkeys(range(self.workers), 0.0)

    def add_fault(self, at: float) -> None:
        """Add one of the faults that can happen at `at` (s)."""
        here = self._here(at)
        possible: dict[Callable[[float], None], int] = {}
        if here:
            possible = {self._kill: 4, self._pause: 4, self._stop: 3, self._wipe: 2}
        if len(self._up) < MOST_WORKERS:
            possible[self._join] = 2
        if not self._broker_done:
            possible[self._restart_broker] = 3
        if not self._frozen_done and self.brokers == 1:
            possible[self._freeze_coordinator] = 4
        if not self._all_done and len(here) == len(self._up):
            possible[self._kill_all] = 1
        if possible:
            (fault,) = self.random.choices(list(possible), weights=list(possible.values()))
            fault(at)

    def add_peaceful_stop(self, at: float) -> None:
        """Stop a worker for a while, in the middle of its batches and of nothing else."""
        worker = self._pick(at)
        self._do(at, "stop", worker)
        self._say(at, f"stop {worker}{self._come_back(worker, at + PEACE, 'start')}")

    def _here(self, at: float) -> list[int]:
        return [number for number, since in self._up.items() if since <= at]

    def _do(self, at: float, what: str, worker: int | None = None) -> None:
        self.actions.append(Action(round(at, 2), what, worker))

    def _say(self, at: float, fault: str) -> None:
        self.faults.append(f"{fault} at {at:g}")

    def _leaves_for_good(self, worker: int) -> bool:
        """Draw whether a worker stays away for good, if another one stays; if so, forget it."""
        if len(self._up) > 1 and self.random.random() < 0.35:
            del self._up[worker]
            return True
        return False

    def _come_back(self, worker: int, at: float, how: str) -> str:
        self._do(at, how, worker)
        self._up[worker] = at
        return f", back at {at:.1f}"

    def _pick(self, at: float) -> int:
        return self.random.choice(self._here(at))

    def _end(self, at: float, what: str, back: tuple[float, float]) -> None:
        worker = self._pick(at)
        self._do(at, what, worker)
        again = at + self.random.uniform(*back)
        rest = "" if self._leaves_for_good(worker) else self._come_back(worker, again, "start")
        self._say(at, f"{what} {worker}{rest}")

    def _kill(self, at: float) -> None:
        self._end(at, "kill", (0.1, 4))

    def _stop(self, at: float) -> None:
        self._end(at, "stop", (1, 4))

    def _wipe(self, at: float) -> None:
        worker = self._pick(at)
        self._do(at, "kill", worker)
        self._come_back(worker, at + self.random.uniform(0.1, 4), "wipe")
        self._say(at, f"wipe {worker}")

    def _pause(self, at: float) -> None:
        worker = self._pick(at)
        # Around the session time-out of 6 s: it is still a member then, or it is a zombie.
        seconds = self.random.choice([self.random.uniform(0.3, 3), self.random.uniform(6.5, 8.5)])
        self._do(at, "pause", worker)
        self._do(at + seconds, "resume", worker)
        self._up[worker] = at + seconds
        self._say(at, f"pause {worker} for {seconds:.1f}")

    def _join(self, at: float) -> None:
        worker = 1 + max(action.worker or 0 for action in [*self.actions, Action(0, "", 3)])
        self._come_back(worker, at, "start")
        self._say(at, f"join {worker}")

    def _restart_broker(self, at: float) -> None:
        what = self.random.choice(["broker-kill", "broker-stop"])
        self._do(at, what)
        self._do(at + self.random.uniform(0.1, 2), "broker-start")
        self._broker_done = True
        self._say(at, what if self.brokers == 1 else f"move coordinator: {what}")

    def _freeze_coordinator(self, at: float) -> None:
        # Also for longer than a transaction may take (10 s): the broker aborts it then.
        seconds = self.random.choice([self.random.uniform(1, 4), self.random.uniform(10.5, 12)])
        self._do(at, "coordinator-freeze")
        self._do(at + seconds, "coordinator-thaw")
        self._frozen_done = True
        self._say(at, f"freeze coordinator for {seconds:.1f}")

    def _kill_all(self, at: float) -> None:
        for worker in self._here(at):
            self._do(at, "kill", worker)
            self._come_back(worker, at + self.random.uniform(0.1, 3), "start")
        self._all_done = True
        self._say(at, "kill all")
