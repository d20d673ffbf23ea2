"""Records of cards: payments, and alerts about them."""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import LARGEST, EventTime, Integer, Name, Text


class Payment(Struct, frozen=True, gc=False):
    """A card payment: `amount` in the card's currency, `lat`, `lon` in degrees, null online."""

    id: Name
    card: Name
    amount: Annotated[float, Meta(gt=0, le=LARGEST)]
    time: EventTime
    merchant: Text = ""
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None


class Alert(Struct, frozen=True, gc=False):
    """A payment that does not look like its card's owner.

    `rule` is `velocity` (`value` is the number of payments, `limit` the largest allowed, `evidence`
    the other payments), `distance` (km/h; `evidence` is the previous payment) or `amount` (standard
    deviations of the logarithm, negative below the mean). `partition`, `offset` are the payment's.
    """

    card: str
    rule: str
    payment: str
    amount: float
    value: float
    limit: float
    explanation: str
    evidence: list[str]
    time: Integer
    partition: Integer
    offset: Integer
