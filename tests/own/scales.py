"""weights -> totals, and two more sources: one read by two tables, one by a step that may raise."""

import json
import os
import time
from itertools import count

import eventfold as ef
from app import app


class Weight(ef.Record):
    """Something was weighed."""

    scale: str
    grams: float
    time: int


WEIGHTS = ef.Topic("weights", Weight, key="scale", external=True)
GAUGES = ef.Topic("gauges", Weight, key="scale", external=True)
HEIGHTS = ef.Topic("heights", Weight, key="scale", external=True)

totals = app.window_table(
    "totals",
    WEIGHTS,
    "1m",
    grace="1h",
    retention="1d",
    number=ef.count(),
    highest=ef.max("grams"),
)
TOTALS = totals.publish("totals-by-minute")

gauged = app.window_table("gauged", GAUGES, "1m", grace="1h", retention="1d", number=ef.count())


@app.filter(GAUGES, to="positive-gauges", name="gauges-checked")
def check_gauge(weight: Weight) -> bool:
    """Keep all but what is negative, which is an error."""
    return is_positive(weight)


@app.filter(HEIGHTS, to="positive-heights", name="heights-checked")
def check_height(weight: Weight) -> bool:
    """Keep all but what is negative, which is an error."""
    return is_positive(weight)


def is_positive(weight: Weight) -> bool:
    """Return True. Raises ValueError for a negative weight."""
    if weight.grams < 0:
        raise ValueError("negative")
    return True


#: Numbers the records that are fixed in this process.
_fixed = count(1)


def without_unit(value: bytes | None) -> bytes:
    """Return a record whose weight is the number in front of its unit."""
    if next(_fixed) == int(os.environ.get("WAIT_AT_RECORD", "0")):
        time.sleep(600)  # until it is killed here
    record = json.loads(value or b"")
    return json.dumps(record | {"grams": float(record["grams"].split()[0])}).encode()
