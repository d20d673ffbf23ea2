"""History, played again through the real agents, and compared with what live made of it.

See docs/replay.md. Nothing is written to Kafka: tables have stores of their own, outputs and what
live has written are compared in a file that is deleted afterwards.
"""

from app.replay.comparison import Difference, TopicSummary
from app.replay.errors import ReplayError
from app.replay.run import Report, Watch, replay
from app.replay.selection import Interval, select

__all__ = [
    "Difference",
    "Interval",
    "ReplayError",
    "Report",
    "TopicSummary",
    "Watch",
    "replay",
    "select",
]
