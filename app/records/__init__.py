"""All records: what stands in the topics of `app/topics.py`, a module for each subject.

JSON objects; `time` is integer milliseconds since the epoch, UTC. Unknown fields are ignored.
Decoding checks types and bounds (msgspec) and says which field is wrong.
"""

from app.records.connections import Connection
from app.records.dead_letters import DeadLetter
from app.records.fields import EARLIEST, LARGEST, EventTime, Name
from app.records.logs import LogLine
from app.records.market import Candle, DailyGain, Gainer, LateTick, Surge, Tick, TopGainers
from app.records.schemas import SchemaLevel, SchemaVersion

__all__ = [
    "EARLIEST",
    "LARGEST",
    "Candle",
    "Connection",
    "DailyGain",
    "DeadLetter",
    "EventTime",
    "Gainer",
    "LateTick",
    "LogLine",
    "Name",
    "SchemaLevel",
    "SchemaVersion",
    "Surge",
    "Tick",
    "TopGainers",
]
