"""ALL simulated sources, by name: `produce --source NAME` sends one, `make up` all that are read.

To add one: a generator of records in a module of its own, and an entry in SIMULATIONS.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

from app.beaconing import simulator as connections
from app.beaconing.topics import CONN_EVENTS
from app.fraud import simulator as payments
from app.fraud.topics import PAYMENTS
from app.hotel import simulator as guests
from app.hotel.topics import GUEST_EVENTS, GUESTS
from app.logs import simulator as logs
from app.logs.topics import LOGS
from app.maintenance import simulator as machines
from app.maintenance.topics import READINGS
from app.market.topics import TICKS
from app.market.walks import Market
from app.shop import simulator as shop
from app.shop.topics import CLICKS, PROFILES, SEARCHES
from app.sources import Record
from app.sources.arrivals import without_labels
from app.transactions import simulator as transactions
from app.transactions.topics import TRANSACTIONS
from eventfold.topics import Topic

#: A record and the topic it goes to.
Sent = tuple[Topic, Record]

#: Makes a simulation's records without end from a seed, how many there are to be in a second of
#: event time, and the event time of the first (ms); from the same arguments the same, byte for
#: byte. They come in the order in which they are sent: a live one leaves when the highest event
#: time so far is now, so what is simulated as late comes behind what overtook it.
Make = Callable[[int, float, int], Iterator[Sent]]


@dataclass(frozen=True)
class Simulation:
    """A simulated source of one topic or several."""

    name: str
    topics: tuple[Topic, ...]
    make: Make
    purpose: str
    #: Records per second where nobody asks for another rate.
    rate: float = 5.0


def into(topic: Topic, records: Callable[[int, float, int], Iterator[Record]]) -> Make:
    """Give the simulation of one topic whose records `records` makes."""

    def make(seed: int, rate: float, start: int) -> Iterator[Sent]:
        return ((topic, record) for record in records(seed, rate, start))

    return make


def _market(seed: int, rate: float, start: int) -> Iterator[Record]:
    return Market(step=1000 / rate, seed=seed).records(start)


#: The first: it has options of its own, so the commands make it themselves.
MARKET = Simulation("market", (TICKS,), into(TICKS, _market), "trades of 500 symbols", rate=2000.0)

#: Use cases; what is labelled in them is known to tests alone.
CASES = (
    Simulation(
        "connections",
        (CONN_EVENTS,),
        without_labels(connections.labelled),
        "an office, some of whose hosts call home",
    ),
    Simulation(
        "payments",
        (PAYMENTS,),
        without_labels(payments.labelled),
        "payments by card, some of them thefts",
    ),
    Simulation(
        "machines",
        (READINGS,),
        without_labels(machines.labelled),
        "sensors of machines that wear out",
    ),
    Simulation(
        "guests",
        (GUESTS, GUEST_EVENTS),
        without_labels(guests.labelled),
        "a hotel's guests, some of whom wait",
        rate=2.0,
    ),
)

#: Joins.
SHOP = Simulation(
    "shop",
    (SEARCHES, CLICKS, PROFILES),
    shop.visits,
    "visitors who search, click on what they find, and have profiles",
)

CHECKED = Simulation(
    "transactions",
    (TRANSACTIONS,),
    into(TRANSACTIONS, transactions.transactions),
    "payments by card, cancellations and corrections",
)

#: In the order in which `produce --help` lists them.
SIMULATIONS: dict[str, Simulation] = {
    each.name: each
    for each in (
        MARKET,
        Simulation("logs", (LOGS,), into(LOGS, logs.lines), "logs of a few services and hosts"),
        *CASES,
        CHECKED,
        SHOP,
    )
}


def read_by(topics: Container[str]) -> tuple[Simulation, ...]:
    """Give the simulations beside the market of whose topics any is among `topics` (names)."""
    return tuple(
        each
        for each in SIMULATIONS.values()
        if each is not MARKET and any(topic.name in topics for topic in each.topics)
    )
