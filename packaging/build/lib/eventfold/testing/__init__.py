"""Test driver: streams in one process, without a broker. See docs/testing.md."""

from eventfold.testing.clock import VirtualClock
from eventfold.testing.driver import START, TopologyDriver
from eventfold.testing.errors import DriverError
from eventfold.testing.journal import Moment
from eventfold.testing.kafka import TopicRecord

__all__ = ["START", "DriverError", "Moment", "TopicRecord", "TopologyDriver", "VirtualClock"]
