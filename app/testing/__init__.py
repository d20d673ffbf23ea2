"""Tests of streams in one process, without a broker: see docs/testing.md."""

from app.testing.clock import VirtualClock
from app.testing.driver import START, TopologyDriver
from app.testing.errors import DriverError
from app.testing.journal import Moment
from app.testing.kafka import TopicRecord

__all__ = ["START", "DriverError", "Moment", "TopicRecord", "TopologyDriver", "VirtualClock"]
