"""Of machines: what their sensors read, and when somebody should look."""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import LARGEST, EventTime, Integer, Name

Sensor = Annotated[str, Meta(min_length=1, max_length=64)]
Measured = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]


class Reading(Struct, frozen=True, gc=False):
    """What a machine's sensors read at one instant, by sensor.

    `serviced` says that the machine was worked on since the last one: it is learnt anew.
    """

    machine: Name
    values: Annotated[dict[Sensor, Measured], Meta(max_length=16)]
    time: EventTime
    serviced: bool = False


class Maintenance(Struct, frozen=True, gc=False):
    """A machine that asks for attention, or no longer does.

    `kind` is `drift` (`value` is CUSUM's sum, its sign the direction, `limit` the threshold;
    `mean` and `deviation` are the sensor's own baseline), `spike` (`value` is in standard
    deviations of the sensor's latest readings, which `mean` and `deviation` are of), `silence`
    (`value` and `limit` in ms) or `back` (after a silence of `value` ms).

    `partition`, `offset` are those of the reading, of a silence those of the last one before it.
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
