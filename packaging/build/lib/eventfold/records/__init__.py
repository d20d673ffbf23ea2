"""Record types that every application has, and the types of their fields.

Records are JSON objects; times are integer milliseconds since the epoch, UTC. Unknown fields are
ignored. Decoding (msgspec) checks types and bounds; its error names the invalid field.
"""

from eventfold.records.dead_letters import DeadLetter
from eventfold.records.fields import EARLIEST, LARGEST, LATEST, EventTime, Name, Text
from eventfold.records.owners import TopicOwner
from eventfold.records.schemas import SchemaLevel, SchemaVersion

__all__ = [
    "EARLIEST",
    "LARGEST",
    "LATEST",
    "DeadLetter",
    "EventTime",
    "Name",
    "SchemaLevel",
    "SchemaVersion",
    "Text",
    "TopicOwner",
]
