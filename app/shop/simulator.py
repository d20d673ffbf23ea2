"""A simulated shop: visitors search, click on what they found, and have profiles."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.json import encode

from app.shop.records import Click, Profile, Search
from app.shop.topics import CLICKS, PROFILES, SEARCHES
from app.sources import Record
from eventfold.topics import Topic

#: A record and the topic it goes to.
Sent = tuple[Topic, Record]

#: How many visitors there are, and the share of searches that lead to a click, query by query.
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

#: Share of clicks that follow no search; of records that come up to 20 s behind their time; of
#: records that can't be read.
STRAY, DISORDER, BROKEN = 0.1, 0.03, 0.0005
#: Share of visitors without a profile, and of visits with which one changes; a fifth of profiles
#: come later than the first visit, by 15 s on average (as a rate, per ms).
UNKNOWN, CHANGING, TARDY = 0.05, 0.02, 1 / 15_000
#: A click comes so much later than its search, on average; rarely after the window (ms).
CLICK_DELAY = 60_000

_VALUE_OF_A_BROKEN_ONE = b'{"id": '


class _Event(NamedTuple):
    """What happens at `at` (ms); `number` keeps two of the same time in order."""

    at: float
    number: int
    topic: Topic
    record: Struct


class _Shop:
    """Events in the order in which they are sent."""

    def __init__(self, seed: int, rate: float, start: int) -> None:
        self.random = Random(seed)  # noqa: S311  # a simulation
        self.step = 1000 / rate
        self.start = start
        self.numbers = count()
        self._events: list[_Event] = []

    def put(self, at: float, topic: Topic, record: Struct) -> None:
        """Send a record at a time (ms)."""
        heappush(self._events, _Event(at, next(self.numbers), topic, record))

    def due(self, until: float) -> Iterator[Sent]:
        """Give what is sent before a time (ms)."""
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
        """Give the event time of what is sent at `at` (ms): mostly that."""
        behind = self.random.uniform(0, 20_000) if self.random.random() < DISORDER else 0
        return int(at - behind)

    def user(self) -> str:
        """Draw a visitor; some come much more often than others."""
        return f"visitor-{int(VISITORS * self.random.random() ** 2):04}"

    def profile(self, at: float, user: str) -> None:
        """Let a visitor's profile be written."""
        segment, country = self.random.choice(SEGMENTS), self.random.choice(COUNTRIES)
        self.put(at, PROFILES, Profile(user, segment, country, int(at)))

    def click(self, at: float, user: str, search: Search | None) -> None:
        """Let somebody click; half of the clicks on what was found say on which search."""
        named = search.id if search and self.random.random() < 0.5 else None
        item = f"{search.query if search else 'home'} {self.random.randrange(20)}"
        number = f"c{next(self.numbers)}"
        self.put(at, CLICKS, Click(number, user, item, self.time(at), named))


def visits(seed: int, rate: float, start: int) -> Iterator[Sent]:
    """Give searches, clicks and profiles without end, `rate` visits a second from `start` (ms) on.

    A visitor's profile comes with the first visit, shortly after it, or never; now and then it
    changes.
    """
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
