"""All records: what stands in the topics of `app/topics.py`, a module for each subject.

JSON objects; `time` is integer milliseconds since the epoch, UTC. Unknown fields are ignored.
Decoding checks types and bounds (msgspec) and says which field is wrong.
"""

from app.records.beacons import Beacon
from app.records.connections import Connection
from app.records.dead_letters import DeadLetter
from app.records.fields import EARLIEST, LARGEST, LATEST, EventTime, Name, Text
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
from app.records.owners import TopicOwner
from app.records.payments import Alert, Payment
from app.records.schemas import SchemaLevel, SchemaVersion
from app.records.shop import (
    Click,
    Clicked,
    ClickThrough,
    EnrichedClick,
    Profile,
    ProfileChanged,
    ProfileDeleted,
    Search,
    SearchAlone,
    SearchClick,
    Searched,
    SearchOutcome,
    Visitor,
)
from app.records.transactions import (
    Check,
    FirstVerdict,
    Reason,
    Rejected,
    Rule,
    RuleChange,
    RuleDeleted,
    Transaction,
    Validated,
    Verdict,
)
from app.records.trends import Trend, TrendSignal

__all__ = [
    "EARLIEST",
    "LARGEST",
    "LATEST",
    "Alert",
    "Arrival",
    "Beacon",
    "BestGains",
    "Candle",
    "Check",
    "Click",
    "ClickThrough",
    "Clicked",
    "Complaint",
    "Connection",
    "DailyGain",
    "DeadLetter",
    "Departure",
    "EnrichedClick",
    "EventTime",
    "FirstVerdict",
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
    "Profile",
    "ProfileChanged",
    "ProfileDeleted",
    "Ranking",
    "Reading",
    "Reason",
    "Rejected",
    "Request",
    "Reservation",
    "Response",
    "Rule",
    "RuleChange",
    "RuleDeleted",
    "SchemaLevel",
    "SchemaVersion",
    "Search",
    "SearchAlone",
    "SearchClick",
    "SearchOutcome",
    "Searched",
    "ServiceAction",
    "Stay",
    "Surge",
    "Text",
    "Tick",
    "TopGainers",
    "TopLosers",
    "TopicOwner",
    "Transaction",
    "Trend",
    "TrendSignal",
    "Validated",
    "Verdict",
    "Visitor",
]
