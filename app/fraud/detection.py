"""Detection of payments unlike their card's owner: too many, too far apart, of unusual amount."""

from math import asin, copysign, cos, exp, expm1, log, log1p, radians, sin, sqrt
from typing import NamedTuple

from msgspec import Struct, field

from app.fraud.records import Alert, Payment
from app.fraud.settings import FraudSettings
from eventfold.operators.processor import Context
from eventfold.operators.recent_alerts import announce
from eventfold.operators.reorder_buffer import InOrder, Waiting
from eventfold.operators.welford import Moments
from eventfold.windows.durations import approximate_duration, format_duration

#: Smallest standard deviation of the logarithm of amounts: an owner who always pays the same amount
#: may pay a tenth more.
LEAST_DEVIATION = 0.1
#: Shortest time between two payments (ms) in a speed, because terminals' clocks differ.
SHORTEST = 1_000
HOUR = 3_600_000


class Place(Struct, frozen=True, gc=False):
    """Place and time (ms) of a card's payment."""

    payment: str
    lat: float
    lon: float
    time: int


class CardState(Struct):
    """State of a card."""

    waiting: list[Waiting[Payment]] = field(default_factory=list)
    #: Time (ms) and id of the latest payments, as many as are allowed within the window.
    recent: list[tuple[int, str]] = field(default_factory=list)
    #: Place of the last payment that the owner could have reached.
    place: Place | None = None
    #: Moments of the logarithms of amounts: people's amounts are skewed, their logarithms are not.
    amounts: Moments = field(default_factory=Moments)


class Suspicion(NamedTuple):
    """Reason for an alert about a payment: fields of an Alert."""

    rule: str
    value: float
    limit: float
    explanation: str
    evidence: list[str]


class Fraud(InOrder[CardState, Payment]):
    """Processor that compares each payment with the earlier ones of its card, by three rules."""

    def __init__(self, limits: FraudSettings) -> None:
        self.limits = limits

    def new(self, key: str) -> CardState:  # noqa: ARG002  # it stands in each payment
        """Return the state of an unused card."""
        return CardState()

    def handle(self, state: CardState, event: Waiting[Payment], context: Context) -> None:
        """Check a payment by each rule and send the alerts; the rules then add it to the state."""
        time, offset, payment = event
        for rule in (self._count, self._locate, self._weigh):
            found = rule(state, payment)
            if found is not None:
                record = Alert(
                    card=payment.card,
                    rule=found.rule,
                    payment=payment.id,
                    amount=payment.amount,
                    value=found.value,
                    limit=found.limit,
                    explanation=found.explanation,
                    evidence=found.evidence,
                    time=time,
                    partition=context.partition,
                    offset=offset,
                )
                announce(record, context)

    def _count(self, state: CardState, payment: Payment) -> Suspicion | None:
        """Check velocity: more than `most` payments in (time - window, time]."""
        most, window = self.limits.fraud_payments, self.limits.fraud_window
        before = state.recent[-most:]  # the setting may have been larger
        state.recent = [*before, (payment.time, payment.id)][-most:]
        if len(before) < most or payment.time - before[0][0] >= window:
            return None
        span = approximate_duration(max(payment.time - before[0][0], 1))
        words = (
            f"{most + 1} payments within {span}; up to {most} within "
            f"{format_duration(window)} are usual"
        )
        return Suspicion("velocity", most + 1.0, float(most), words, [each for _, each in before])

    def _locate(self, state: CardState, payment: Payment) -> Suspicion | None:
        """Check distance: the great circle between two payments, over the time between them."""
        # A place that could not be reached does not become the card's: otherwise the owner's next
        # payment would be an alert too.
        if payment.lat is None or payment.lon is None:
            return None
        here = Place(payment.id, payment.lat, payment.lon, payment.time)
        found = None if state.place is None else self._travel(state.place, here)
        if found is None:
            state.place = here
        return found

    def _travel(self, before: Place, here: Place) -> Suspicion | None:
        limits = self.limits
        km = great_circle(before.lat, before.lon, here.lat, here.lon)
        passed = max(here.time - before.time, SHORTEST)
        speed, fastest = km * HOUR / passed, limits.fraud_speed
        if km <= limits.fraud_distance or speed <= fastest:
            return None
        words = (
            f"{km:,.0f} km from payment {before.payment}, {approximate_duration(passed)} after "
            f"it: {speed:,.0f} km/h, where {fastest:,.0f} km/h is the fastest"
        )
        return Suspicion("distance", speed, fastest, words, [before.payment])

    def _weigh(self, state: CardState, payment: Payment) -> Suspicion | None:
        """Check the amount: its logarithm, in standard deviations from the card's own mean."""
        # An amount beyond the limit is added to the moments as one at the limit: one theft must not
        # make thefts usual, but habits may change.
        limit, amounts, size = self.limits.fraud_deviations, state.amounts, log(payment.amount)
        found = None
        if amounts.count >= self.limits.fraud_history:
            freedom = amounts.count - 1
            deviation = max(amounts.deviation, LEAST_DEVIATION) * sqrt(1 + 1 / amounts.count)
            score = normal_score((size - amounts.mean) / deviation, freedom)
            if abs(score) > limit:
                found = _unusual(payment.amount, amounts, score, limit)
                farthest = student_score(limit if score > 0 else -limit, freedom)
                size = amounts.mean + farthest * deviation
        amounts.add(size)
        return found


def _unusual(amount: float, amounts: Moments, score: float, limit: float) -> Suspicion:
    usual = exp(amounts.mean)
    words = (
        f"{amount:,.2f} is {amount / usual:,.3g} times the card's usual {usual:,.2f}: "
        f"{score:+.1f} standard deviations of {amounts.count} payments, where {limit:g} is the "
        "limit"
    )
    return Suspicion("amount", score, limit, words, [])


#: Largest exponent of e: beyond some 709 the result overflows a float.
_LARGEST = 700.0


def normal_score(t: float, freedom: int) -> float:
    """Return the normal deviate that is as rare as `t` with `freedom` (>= 1) degrees of freedom."""
    return copysign(_shrink(freedom) * sqrt(freedom * log1p(t * t / freedom)), t)


def student_score(z: float, freedom: int) -> float:
    """Return the t whose `normal_score` is `z`: the inverse."""
    power = (z / _shrink(freedom)) ** 2 / freedom
    return copysign(sqrt(freedom * expm1(min(power, _LARGEST))), z)


def _shrink(freedom: int) -> float:
    return (8 * freedom + 1) / (8 * freedom + 3)


#: Mean radius of the Earth (km; IUGG).
RADIUS = 6371.0088


def great_circle(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the distance (km) between two places in degrees, on a sphere: up to 0.5 % off."""
    # The haversine formula: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68(2),
    # 1984.
    north1, north2 = radians(lat1), radians(lat2)
    half_lat, half_lon = (north2 - north1) / 2, radians(lon2 - lon1) / 2
    haversine = sin(half_lat) ** 2 + cos(north1) * cos(north2) * sin(half_lon) ** 2
    return 2 * RADIUS * asin(min(1.0, sqrt(haversine)))
