"""Simulated guests of a hotel from reservation to departure, some of whom wait too long.

The labelled events are the complaints and the arrivals of VIPs without a response in time.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from app.hotel.records import Arrival, Complaint, Departure, Guest, Reservation, Response
from app.hotel.topics import GUEST_EVENTS, GUESTS
from eventfold.connectors.arrivals import Delays, Event, simulated, without_labels
from eventfold.connectors.simulations import Simulation
from eventfold.topics import Topic

MINUTE = 60_000
#: Mean number of records of a stay.
RECORDS = 8.0
#: Response times (ms): defaults of TICKSTREAM_HOTEL_COMPLAINT and TICKSTREAM_HOTEL_ARRIVAL.
COMPLAINTS, ARRIVALS = 10 * MINUTE, 5 * MINUTE
#: Shares: guests that are VIPs, requests that are answered late, requests never answered.
VIPS, SLOW, NEVER = 0.15, 0.12, 0.04

_NAMES = ("Ada", "Alan", "Barbara", "Edsger", "Grace", "Ken", "Leslie", "Margaret")
_TEXTS = ("no hot water", "the room is loud", "the key does not work", "no towels")


class _Stay:
    """Stay of one guest."""

    def __init__(self, number: int, random: Random, start: int) -> None:
        self._random = random
        self._guest = f"guest-{number:05}"
        self._number = number
        self._room = str(100 + number % 400)
        self._vip = random.random() < VIPS
        self._start = start

    def events(self) -> Iterator[Event]:
        """Yield its events, not in order of time."""
        random, time = self._random, self._start
        profile = Guest(self._guest, random.choice(_NAMES), time, self._vip)
        yield self._event(GUESTS, profile)
        yield self._reserve("requested", time)
        time += random.randint(1, 3) * MINUTE
        yield self._reserve("confirmed", time)
        if random.random() < 0.08:
            yield self._reserve("cancelled", time + 5 * MINUTE)
            return
        if random.random() < 0.3:
            yield self._reserve("confirmed", time + 2 * MINUTE, "late arrival")
        time += random.randint(2, 20) * MINUTE
        yield from self._arrive(time)
        leaves = time + random.randint(40, 120) * MINUTE
        for number in range(random.choice((0, 1, 1, 2))):
            at = random.randint(time + 5 * MINUTE, leaves)
            yield from self._complain(number, at)
        yield self._event(GUEST_EVENTS, Departure(self._guest, leaves + 30 * MINUTE))

    def _event(self, topic: Topic, value: Any, label: str | None = None) -> Event:
        return Event(value.time, topic, value, label)

    def _reserve(self, status: Any, time: int, details: str = "") -> Event:
        name = f"r{self._number}"
        reservation = Reservation(self._guest, name, status, time, room=self._room, details=details)
        return self._event(GUEST_EVENTS, reservation)

    def _arrive(self, time: int) -> Iterator[Event]:
        arrival = Arrival(self._guest, f"a{self._number}", time, self._room)
        answered, response = self._answer(time, ARRIVALS, arrival.id)
        label = f"vip-arrival-{arrival.id}" if self._vip and not answered else None
        yield self._event(GUEST_EVENTS, arrival, label)
        yield from response

    def _complain(self, number: int, time: int) -> Iterator[Event]:
        name, text = f"c{self._number}-{number}", self._random.choice(_TEXTS)
        complaint = Complaint(self._guest, name, text, time, self._room)
        answered, response = self._answer(time, COMPLAINTS, name)
        label = None if answered else f"complaint-{name}"
        yield self._event(GUEST_EVENTS, complaint, label)
        yield from response

    def _answer(self, time: int, limit: int, to: str) -> tuple[bool, list[Event]]:
        """Return whether the staff respond in time, and their response, if any."""
        chance = self._random.random()
        if chance < NEVER:
            return False, []
        slow = chance < NEVER + SLOW
        share = self._random.uniform(1.1, 2.5) if slow else self._random.uniform(0.05, 0.9)
        response = Response(self._guest, time + int(limit * share), "reception", to)
        return not slow, [self._event(GUEST_EVENTS, response)]


def _events(seed: int, rate: float, start: int) -> Iterator[Event]:
    random = Random(f"guests {seed}")  # noqa: S311  # a simulation
    coming: list[tuple[int, int, Event]] = []
    numbers, begins = count(), float(start)
    for stay in count():
        for event in _Stay(stay, random, int(begins)).events():
            heappush(coming, (event.time, next(numbers), event))
        begins += random.expovariate(rate / RECORDS) * 1000
        while coming and coming[0][0] <= begins:
            yield heappop(coming)[2]


#: Profiles and events; requests without a response in time are labelled.
labelled = simulated(_events, Delays(grace=10_000))

SIMULATION = Simulation(
    (GUESTS, GUEST_EVENTS),
    without_labels(labelled),
    "a hotel's guests, some of whom wait",
    rate=2.0,
)
