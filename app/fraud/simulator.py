"""Simulated payments of people who shop where they live and sometimes travel, with thefts.

A theft is `velocity` (a dozen small payments within seconds), `distance` (payments far from
where the owner just paid) or `amount` (one payment far above the owner's usual amounts).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from math import exp
from random import Random

from app.fraud.detection import great_circle
from app.fraud.records import Payment
from app.fraud.topics import PAYMENTS
from eventfold.connectors.arrivals import Delays, Event, simulated, without_labels
from eventfold.connectors.simulations import Simulation

#: Name, latitude, longitude.
CITIES = (
    ("Berlin", 52.52, 13.40),
    ("Lisbon", 38.72, -9.14),
    ("Nairobi", -1.29, 36.82),
    ("New York", 40.71, -74.01),
    ("Lima", -12.05, -77.04),
    ("Tokyo", 35.68, 139.69),
    ("Sydney", -33.87, 151.21),
    ("Mumbai", 19.08, 72.88),
)
#: Speed of a plane (km/h), and time to reach it and to leave it (ms).
PLANE, AIRPORTS = 800.0, 2 * 3_600_000
HOUR = 3_600_000
#: Mean time (s) between two payments of a card.
BETWEEN = 120
#: Mean number of payments per theft and per journey.
THEFTS, JOURNEYS = 250, 2_000
#: Number of payments of a card before its usual amounts are known.
KNOWN = 12


@dataclass
class _Card:
    name: str
    city: int
    #: Mean and standard deviation of the logarithm of the owner's amounts.
    usual: float
    spread: float
    #: Event time (ms) until which the owner is in the air.
    away_until: int = 0
    payments: int = 0


class _Cards:
    """All cards, and their next payments in order of event time."""

    def __init__(self, seed: int, rate: float, start: int) -> None:
        self._random = random = Random(f"payments {seed}")  # noqa: S311  # a simulation
        self._rate = rate
        self._time = float(start)
        self._cards = [
            _Card(
                f"card-{number:05}",
                random.randrange(len(CITIES)),
                random.gauss(3.5, 0.8),
                random.uniform(0.3, 0.7),
            )
            for number in range(max(20, round(BETWEEN * rate)))
        ]
        self._number = 0
        self._thefts = 0
        self._coming: list[tuple[int, int, Event]] = []

    def events(self) -> Iterator[Event]:
        """Yield endless payments in order of event time."""
        while True:
            self._time += self._random.expovariate(self._rate) * 1000
            self._live(int(self._time))
            while self._coming and self._coming[0][0] <= self._time:
                yield heappop(self._coming)[2]

    def _live(self, now: int) -> None:
        random = self._random
        card = random.choice(self._cards)
        while card.away_until > now:
            card = random.choice(self._cards)
        self._pay(card, now, exp(random.gauss(card.usual, card.spread)), card.city)
        if random.random() < 1 / JOURNEYS:
            self._travel(card, now)
        elif random.random() < 1 / THEFTS:
            self._steal(card, now)

    def _pay(
        self, card: _Card, time: int, amount: float, city: int | None, label: str | None = None
    ) -> None:
        random = self._random
        self._number += 1
        card.payments += 1
        name, lat, lon = ("online", None, None) if city is None else CITIES[city]
        if lat is not None and lon is not None:
            lat, lon = round(random.gauss(lat, 0.03), 4), round(random.gauss(lon, 0.03), 4)
        payment = Payment(
            id=f"p{self._number}",
            card=card.name,
            amount=max(0.01, round(amount, 2)),
            time=time,
            merchant=f"{name} {random.randrange(40)}",
            lat=lat,
            lon=lon,
        )
        event = Event(time, PAYMENTS, payment, label)
        heappush(self._coming, (time, self._number, event))

    def _travel(self, card: _Card, now: int) -> None:
        city = self._random.randrange(len(CITIES))
        km = great_circle(*CITIES[card.city][1:], *CITIES[city][1:])
        card.away_until = now + AIRPORTS + int(km / PLANE * HOUR)
        card.city = city

    def _steal(self, card: _Card, now: int) -> None:
        random = self._random
        self._thefts += 1
        kinds = ("velocity", "distance", "amount")
        # The usual amounts have to be known before an unusual one can be detected.
        kind = random.choice(kinds if card.payments > KNOWN else kinds[:2])
        label = f"{kind}-{self._thefts}"
        time = now + int(random.uniform(5, 60) * 1000)
        if kind == "velocity":
            for _ in range(random.randint(8, 15)):
                self._pay(card, time, random.uniform(0.5, 3) * exp(card.usual - 1), None, label)
                time += int(random.uniform(500, 4_000))
        elif kind == "distance":
            here = CITIES[card.city][1:]
            far = [c for c, each in enumerate(CITIES) if great_circle(*here, *each[1:]) > 1_500]
            city = random.choice(far)
            for _ in range(random.randint(1, 3)):
                self._pay(card, time, exp(random.gauss(card.usual, card.spread)), city, label)
                time += int(random.uniform(60, 600) * 1000)
        else:
            amount = exp(card.usual + random.uniform(3.5, 8) * card.spread)
            self._pay(card, time, amount, card.city, label)


def _events(seed: int, rate: float, start: int) -> Iterator[Event]:
    return _Cards(seed, rate, start).events()


#: Payments, labelled with the theft that each is a part of.
labelled = simulated(_events, Delays(grace=5_000))

SIMULATION = Simulation(
    (PAYMENTS,), without_labels(labelled), "payments by card, some of them thefts"
)
