"""All records: what stands in the topics of `app/topics.py`, a module for each subject.

JSON objects; `time` is integer milliseconds since the epoch, UTC. Unknown fields are ignored.
Decoding checks types and bounds (msgspec) and says which field is wrong.
"""

from app.records.connections import Connection
from app.records.dead_letters import DeadLetter
from app.records.fields import EARLIEST, LARGEST, EventTime, Name
from app.records.logs import LogLine
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
from app.records.schemas import SchemaLevel, SchemaVersion
from app.records.trends import Trend, TrendSignal

__all__ = [
    "EARLIEST",
    "LARGEST",
    "BestGains",
    "Candle",
    "Connection",
    "DailyGain",
    "DeadLetter",
    "EventTime",
    "Gainer",
    "LateTick",
    "LogLine",
    "MostActive",
    "Name",
    "Ranking",
    "SchemaLevel",
    "SchemaVersion",
    "Surge",
    "Tick",
    "TopGainers",
    "TopLosers",
    "Trend",
    "TrendSignal",
]
