"""All records: what stands in the topics of `app/topics.py`, a module for each subject.

JSON objects; `time` is integer milliseconds since the epoch, UTC. Unknown fields are ignored.
Decoding checks types and bounds (msgspec) and says which field is wrong.
"""

from app.records.beacons import Beacon
from app.records.connections import Connection
from app.records.dead_letters import DeadLetter
from app.records.fields import EARLIEST, LARGEST, EventTime, Name
from app.records.guests import (
    Arrival,
    Complaint,
    Departure,
    Guest,
    GuestEvent,
    GuestForgotten,
    GuestProfile,
    Request,
    Reservation,
    Response,
    ServiceAction,
    Stay,
)
from app.records.logs import LogLine
from app.records.machines import Maintenance, Reading
from app.records.market import (
    BestGains,
    Candle,
    DailyGain,
    Gainer,
    LateTick,
    MostActive,
    Ranking,
    Surge,
    Tick,
    TopGainers,
    TopLosers,
)
from app.records.payments import Alert, Payment
from app.records.schemas import SchemaLevel, SchemaVersion
from app.records.trends import Trend, TrendSignal

__all__ = [
    "EARLIEST",
    "LARGEST",
    "Alert",
    "Arrival",
    "Beacon",
    "BestGains",
    "Candle",
    "Complaint",
    "Connection",
    "DailyGain",
    "DeadLetter",
    "Departure",
    "EventTime",
    "Gainer",
    "Guest",
    "GuestEvent",
    "GuestForgotten",
    "GuestProfile",
    "LateTick",
    "LogLine",
    "Maintenance",
    "MostActive",
    "Name",
    "Payment",
    "Ranking",
    "Reading",
    "Request",
    "Reservation",
    "Response",
    "SchemaLevel",
    "SchemaVersion",
    "ServiceAction",
    "Stay",
    "Surge",
    "Tick",
    "TopGainers",
    "TopLosers",
    "Trend",
    "TrendSignal",
]
