"""Simulated connections of an office's people and programs, and of malware that calls home.

People browse in bursts; mail is polled at random intervals; clocks are set every 64 s, which is as
regular as malware but allowed. Malware calls every 30 s to 5 min, with a jitter of up to 25 %.
"""

from collections.abc import Iterator
from itertools import accumulate
from random import Random

from app.beaconing.records import Connection
from app.beaconing.topics import CONN_EVENTS
from eventfold.connectors.arrivals import Delays, Event, merged, simulated, without_labels
from eventfold.connectors.simulations import Simulation

#: Number of hosts per connection per second.
HOSTS = 4
#: Sites that people visit, the most frequent first.
SITES = [f"site-{number:03}.example" for number in range(200)]
_WEIGHTS = list(accumulate(1 / (rank + 1) for rank in range(len(SITES))))
MAIL, CLOCK = ("mail.example", 993), ("0.pool.ntp.org", 123)
#: Share of hosts with malware, share of its calls that fail, most seconds before its first call.
INFECTED, FAILED, ASLEEP = 0.25, 0.04, 1_800


def _event(
    host: str, site: tuple[str, int], random: Random, time: float, label: str | None = None
) -> Event:
    size = int(random.lognormvariate(7, 1.5))
    return Event(int(time), CONN_EVENTS, Connection(host, *site, size, int(time)), label)


def _people(hosts: list[str], random: Random, rate: float, start: int) -> Iterator[Event]:
    time = float(start)
    while True:
        host = random.choice(hosts)
        for site in random.choices(SITES, cum_weights=_WEIGHTS, k=random.randint(1, 5)):
            time += random.expovariate(rate) * 1000
            yield _event(host, (site, 443), random, time)


def _mail(host: str, random: Random, start: int) -> Iterator[Event]:
    time = start + random.uniform(0, 300_000)
    while True:
        yield _event(host, MAIL, random, time)
        time += random.uniform(60_000, 400_000)


def _clock(host: str, random: Random, start: int) -> Iterator[Event]:
    time = start + random.uniform(0, 64_000)
    while True:
        yield _event(host, CLOCK, random, time)
        time += random.gauss(64_000, 300)


def _malware(host: str, number: int, random: Random, start: int) -> Iterator[Event]:
    period, jitter = random.uniform(30, 300) * 1000, random.choice((0.0, 0.05, 0.1, 0.2, 0.25))
    address = f"203.0.113.{number % 254 + 1}"
    time = start + random.uniform(0, ASLEEP * 1000)
    while True:
        if random.random() > FAILED:
            yield _event(host, (address, 8443), random, time, f"beacon-{host}-{address}")
        time += period * random.uniform(1 - jitter, 1 + jitter)


def _events(seed: int, rate: float, start: int) -> Iterator[Event]:
    hosts = [f"host-{number:03}" for number in range(max(4, round(HOSTS * rate)))]

    def random(name: str) -> Random:
        return Random(f"connections {seed} {name}")  # noqa: S311  # a simulation

    sources = [_people(hosts, random("people"), 0.85 * rate, start)]
    for number, host in enumerate(hosts):
        sources.append(_mail(host, random(f"mail {host}"), start))
        sources.append(_clock(host, random(f"clock {host}"), start))
        if number % round(1 / INFECTED) == 1:
            sources.append(_malware(host, number, random(f"malware {host}"), start))
    return merged(*sources)


#: Connections, labelled with the beacon that each is a part of.
labelled = simulated(_events, Delays(grace=30_000))

SIMULATION = Simulation(
    (CONN_EVENTS,), without_labels(labelled), "an office, some of whose hosts call home"
)
