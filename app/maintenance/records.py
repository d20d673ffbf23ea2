"""Records of machines: readings of their sensors, and maintenance notices."""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import LARGEST, EventTime, Integer, Name

Sensor = Annotated[str, Meta(min_length=1, max_length=64)]
Measured = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]


class Reading(Struct, frozen=True, gc=False):
    """Readings of a machine's sensors at one instant, by sensor.

    A sensor that read nothing may be null or missing: the others count.
    `serviced` is true if the machine was serviced since the last reading: its baselines are reset.
    """

    machine: Name
    values: Annotated[dict[Sensor, Measured | None], Meta(max_length=16)]
    time: EventTime
    serviced: bool = False


class Maintenance(Struct, frozen=True, gc=False):
    """A machine that needs attention, or no longer does.

    `kind` is `drift` (`value` is CUSUM's sum, its sign the direction, `limit` the threshold;
    `mean` and `deviation` are the sensor's own baseline at that hour of the day), `spike` (`value`
    is in standard deviations; `mean` and `deviation` are those of the sensor's latest readings),
    `silence` (`value` and `limit` in ms) or `back` (after a silence of `value` ms).

    `partition`, `offset` are those of the reading; for a silence, of the last reading before it.
    """

    machine: str
    kind: str
    sensor: str | None
    value: float
    limit: float
    reading: float | None
    mean: float | None
    deviation: float | None
    explanation: str
    time: Integer
    partition: Integer
    offset: Integer
