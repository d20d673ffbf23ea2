"""Simulated logs of a few services on a few hosts, in several forms; some lines can't be read.

No I/O and no clock: the same arguments produce the same records, byte for byte.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from random import Random

from app.logs.topics import LOGS
from eventfold.connectors import Record
from eventfold.connectors.simulations import Simulation, into

#: Weights of the severities, 0 to 7: a service that is mostly healthy.
SHARES = (1, 1, 4, 30, 60, 80, 600, 224)
#: Share of lines that can't be read.
BROKEN = 0.001

_WORDS = {
    "api": "emergency alert critical error warn notice info debug",
    "worker": "EMERG ALERT FATAL ERROR WARNING NOTICE INFO TRACE",
    "billing": "Emergency Alert Critical Severe Warning Notice Information Verbose",
}
_MESSAGES = (
    "no node is left that could answer",
    "the last backup is 3 days old",
    "the disk of /var is full",
    "no answer from the payment service after 3 attempts",
    "the queue holds more than 10,000 jobs",
    "configuration was read again",
    "GET /orders answered 200",
    "cache missed",
)
_BROKEN = (
    b"java.lang.NullPointerException",
    b'{"level": "info", "message": "cut o',
    b'{"message": "no level"}',
    b'{"level": "so-so", "message": "of a level of its own"}',
    b"<999>1 - - - - - -",
    b"<34>1 2003-10-11T22:14:15.003Z mymachine",
    b"",
)


def lines(seed: int, rate: float, start: int) -> Iterator[Record]:
    """Yield endless lines, `rate` a second from event time `start` (ms), keyed by host."""
    chance = Random(seed)  # noqa: S311 - a simulation, not a secret
    for number in count():
        time = int(start + number * 1000 / rate)
        host = f"node-{chance.randrange(1, 8)}"
        if chance.random() < BROKEN:
            yield host.encode(), chance.choice(_BROKEN), time
            continue
        severity = chance.choices(range(8), SHARES)[0]
        form = chance.choice((_json, _rfc5424, _rfc3164))
        yield host.encode(), form(chance, host, severity, time).encode(), time


def _json(chance: Random, host: str, severity: int, time: int) -> str:
    """Return a service's line: JSON, with the severity as a word or a number."""
    service = chance.choice(list(_WORDS))
    word = _WORDS[service].split()[severity]
    level = chance.choice(({"level": word}, {"severity": severity}, {"log": {"level": word}}))
    common = {"time": time, "host": host, "service": service, "message": _MESSAGES[severity]}
    return json.dumps({**common, **level, "request": chance.randrange(10_000)})


def _rfc5424(chance: Random, host: str, severity: int, time: int) -> str:
    """Return a database's line: RFC 5424."""
    priority = 8 * chance.randrange(16, 24) + severity
    at = datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")
    data = chance.choice(("-", f'[origin ip="10.0.0.{chance.randrange(256)}"]'))
    return f"<{priority}>1 {at} {host} db {chance.randrange(9999)} - {data} {_MESSAGES[severity]}"


def _rfc3164(chance: Random, host: str, severity: int, time: int) -> str:
    """Return the operating system's line: RFC 3164."""
    at = datetime.fromtimestamp(time / 1000, UTC)
    stamp = f"{at:%b} {at.day:2} {at:%H:%M:%S}"
    tag = chance.choice(("kernel", f"cron[{chance.randrange(9999)}]"))
    return f"<{8 * chance.randrange(12) + severity}>{stamp} {host} {tag}: {_MESSAGES[severity]}"


SIMULATION = Simulation((LOGS,), into(LOGS, lines), "logs of a few services and hosts")
