"""Simulated shop: visitors search, click on results, and have profiles."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.json import encode

from app.shop.records import Click, Profile, Search
from app.shop.topics import CLICKS, PROFILES, SEARCHES
from eventfold.connectors import Record
from eventfold.connectors.simulations import Sent, Simulation
from eventfold.topics import Topic

#: Number of visitors; by query, the probability that a search leads to a click, and to each more.
VISITORS = 2_000
QUERIES = {
    "running shoes": 0.55,
    "rain jacket": 0.48,
    "tent": 0.42,
    "head torch": 0.35,
    "water bottle": 0.31,
    "climbing rope": 0.26,
    "wool socks": 0.22,
    "stove": 0.15,
    "map": 0.08,
    "gift card": 0.02,
}
SEGMENTS = ("new", "regular", "gold")
COUNTRIES = ("DE", "FR", "IT", "PL", "SE")

#: Share of visits that are a click without a search, of records that arrive up to 20 s behind their
#: time, and of records that can't be read.
STRAY, DISORDER, BROKEN = 0.1, 0.03, 0.0005
#: Share of visitors without a profile, and of visits that change one; a fifth of profiles arrive
#: after the first visit, by 15 s on average (as a rate, per ms).
UNKNOWN, CHANGING, TARDY = 0.05, 0.02, 1 / 15_000
#: Mean delay of a click after its search (ms); it is rarely after the join window.
CLICK_DELAY = 60_000

_VALUE_OF_A_BROKEN_ONE = b'{"id": '


class _Event(NamedTuple):
    """Record to send at `at` (ms); `number` keeps two of the same time in order."""

    at: float
    number: int
    topic: Topic
    record: Struct


class _Shop:
    """Queue of events in the order in which they are sent, and the random source of all."""

    def __init__(self, seed: int, rate: float, start: int) -> None:
        self.random = Random(seed)  # noqa: S311  # a simulation
        self.step = 1000 / rate
        self.start = start
        self.numbers = count()
        self._events: list[_Event] = []

    def put(self, at: float, topic: Topic, record: Struct) -> None:
        """Schedule a record to be sent at a time (ms)."""
        heappush(self._events, _Event(at, next(self.numbers), topic, record))

    def due(self, until: float) -> Iterator[Sent]:
        """Yield the records that are sent before a time (ms)."""
        while self._events and self._events[0].at < until:
            event = heappop(self._events)
            yield event.topic, self._record(event)

    def _record(self, event: _Event) -> Record:
        record: Any = event.record
        key = record.user.encode()
        if self.random.random() < BROKEN:
            return key, _VALUE_OF_A_BROKEN_ONE, record.time
        return key, encode(record), record.time

    def time(self, at: float) -> int:
        """Return the event time of a record sent at `at` (ms): mostly the same."""
        behind = self.random.uniform(0, 20_000) if self.random.random() < DISORDER else 0
        return int(at - behind)

    def user(self) -> str:
        """Draw a visitor; some come much more often than others."""
        return f"visitor-{int(VISITORS * self.random.random() ** 2):04}"

    def profile(self, at: float, user: str) -> None:
        """Schedule a random profile of a visitor."""
        segment, country = self.random.choice(SEGMENTS), self.random.choice(COUNTRIES)
        self.put(at, PROFILES, Profile(user, segment, country, int(at)))

    def click(self, at: float, user: str, search: Search | None) -> None:
        """Schedule a click; half of the clicks on a search's results name the search."""
        named = search.id if search and self.random.random() < 0.5 else None
        item = f"{search.query if search else 'home'} {self.random.randrange(20)}"
        number = f"c{next(self.numbers)}"
        self.put(at, CLICKS, Click(number, user, item, self.time(at), named))


def visits(seed: int, rate: float, start: int) -> Iterator[Sent]:
    """Yield endless searches, clicks and profiles: `rate` visits/s from `start` (ms) on."""
    shop = _Shop(seed, rate, start)
    queries, random, seen = list(QUERIES), shop.random, set[str]()
    for number in count():
        at = start + number * shop.step
        yield from shop.due(at)
        user = shop.user()
        if user not in seen:
            seen.add(user)
            if random.random() >= UNKNOWN:
                shop.profile(at + (random.expovariate(TARDY) if random.random() < 0.2 else 0), user)
        elif random.random() < CHANGING:
            shop.profile(at, user)
        if random.random() < STRAY:
            shop.click(at, user, None)
            continue
        query = queries[int(len(queries) * random.random() ** 1.5)]
        search = Search(f"s{number}", user, query, shop.time(at), random.randrange(1, 200))
        shop.put(at, SEARCHES, search)
        while random.random() < QUERIES[query]:
            shop.click(at + random.expovariate(1 / CLICK_DELAY), user, search)


SIMULATION = Simulation(
    (SEARCHES, CLICKS, PROFILES),
    visits,
    "visitors who search, click on what they find, and have profiles",
)
