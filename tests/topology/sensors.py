"""An application that is declared anew for each test: readings of sensors, summed up in windows."""

from collections.abc import AsyncIterable, Callable
from typing import Any, NamedTuple

from msgspec import Struct

from app.settings import Settings
from app.worker import TickApp
from eventfold.aggregates import Sum
from eventfold.engine.batch import Batch
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.testing import TopologyDriver
from eventfold.topics import Topic
from eventfold.windows import Rejection, WindowResult


class Reading(Struct):
    """Reading of a sensor."""

    sensor: str
    value: int
    time: int


class Total(Struct):
    """Sum of a sensor's readings in a window."""

    sensor: str
    start: int
    sum: float
    count: int
    final: bool
    late: int
    revision: int
    end: int
    first_offset: int
    partition: int


class LateReading(Struct):
    """Reading that came too late."""

    sensor: str
    time: int
    stream_time: int


def total(result: WindowResult) -> Total:
    """Make the record of a window."""
    return Total(
        result.key,
        result.start,
        result.state.sum if result.count else 0,
        result.count,
        result.final,
        result.late,
        result.revision,
        result.end,
        result.first_offset,
        result.partition,
    )


def late_reading(reading: Reading, rejection: Rejection) -> LateReading:
    """Make the record of a reading that came too late."""
    return LateReading(reading.sensor, reading.time, rejection.stream_time)


class Sensors(NamedTuple):
    """An application, its topics, its table."""

    app: TickApp
    readings: Topic
    totals: Topic
    late: Topic
    table: WindowTable

    def drive(self, **options: Any) -> TopologyDriver:
        """Make a driver of it, with one partition if nothing else is asked for."""
        return TopologyDriver(self.app, **({"partitions": 1} | options))


#: Type of the fixture `new_sensors`.
NewSensors = Callable[..., Sensors]


def declare(conf: Settings, *, time: Any = "time", **options: Any) -> Sensors:
    """Declare an application with a table of 1-minute windows, unless `options` name others."""
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    readings = Topic("readings", "sensor", Reading, "what sensors measure", time=time)
    totals = Topic("totals", "sensor", Total, "sums")
    late = Topic("missed", "sensor", LateReading, "what came too late")
    usual = {
        "windows": "1m",
        "aggregate": Sum("value"),
        "record": total,
        "grace": "1m",
        "retention": "1d",
        "help": "sums",
    }
    table = WindowTable(app, name="sums", source=readings, **(usual | options))
    table.publish(totals)
    table.late(late, late_reading)

    @app.agent(app.batches(readings))
    async def fold_readings(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    return Sensors(app, readings, totals, late, table)
