"""Test driver: streams in one process, without a broker. See docs/testing.md."""

from eventfold.harness.journal import Moment
from eventfold.harness.kafka import TopicRecord
from eventfold.testing.driver import START, TopologyDriver
from eventfold.testing.loop import DriverError, VirtualClock

__all__ = ["START", "DriverError", "Moment", "TopicRecord", "TopologyDriver", "VirtualClock"]
