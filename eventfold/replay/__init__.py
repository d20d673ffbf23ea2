"""Replay: history processed again by the real agents, and compared with the live results.

See docs/replay.md. Nothing is written to Kafka: tables have stores of their own, and the outputs
are compared with the live ones in a file that is deleted afterwards.
"""

from eventfold.replay.comparison import Difference, TopicSummary
from eventfold.replay.report import Report
from eventfold.replay.run import Watch, replay
from eventfold.replay.selection import Interval, ReplayError, select

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
