"""Registry of simulated sources: `produce --source NAME` sends one, `make up` all that are read.

To add one, write a generator of records in its own module, and add an entry to SIMULATIONS.
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

#: A record and its topic.
Sent = tuple[Topic, Record]

#: Produces a simulation's endless records from a seed, the number of records per second of event
#: time, and the event time of the first (ms); the same arguments produce the same records, byte for
#: byte. They are in order of sending: a live record is sent when the highest event time so far is
#: now, so a record that is simulated as late follows those that overtook it.
Make = Callable[[int, float, int], Iterator[Sent]]


@dataclass(frozen=True)
class Simulation:
    """A simulated source of one topic or several."""

    name: str
    topics: tuple[Topic, ...]
    make: Make
    purpose: str
    #: Default rate (records per second).
    rate: float = 5.0


def into(topic: Topic, records: Callable[[int, float, int], Iterator[Record]]) -> Make:
    """Return a function that produces the records of `records` with `topic` as their topic."""

    def make(seed: int, rate: float, start: int) -> Iterator[Sent]:
        return ((topic, record) for record in records(seed, rate, start))

    return make


def _market(seed: int, rate: float, start: int) -> Iterator[Record]:
    return Market(step=1000 / rate, seed=seed).records(start)


#: The market; it has its own options, so the commands create it themselves.
MARKET = Simulation("market", (TICKS,), into(TICKS, _market), "trades of 500 symbols", rate=2000.0)

#: Use cases with labelled anomalies; only tests see the labels.
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

#: All simulations by name, in the order in which `produce --help` lists them.
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
    """Return the simulations that send to any of `topics` (names), without the market."""
    return tuple(
        each
        for each in SIMULATIONS.values()
        if each is not MARKET and any(topic.name in topics for topic in each.topics)
    )
