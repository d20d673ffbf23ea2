"""Thresholds of the pipeline `fraud`."""

from functools import cache

from pydantic import Field

from app.use_case import PREFIX
from eventfold.environment import Environment
from eventfold.settings.fields import Duration
from eventfold.windows.durations import parse_duration


class FraudSettings(Environment):
    """Thresholds of alerts about payments."""

    model_config = PREFIX

    fraud_payments: int = Field(
        5,
        ge=1,
        le=1000,
        description="More payments of a card than this within TICKSTREAM_FRAUD_WINDOW are an alert",
    )
    fraud_window: Duration = Field(
        parse_duration("1m"),
        description="Time in which a card's payments are counted",
    )
    fraud_speed: float = Field(
        900.0,
        gt=0,
        allow_inf_nan=False,
        description="Km/h: a card that travels faster between two payments is an alert",
    )
    fraud_distance: float = Field(
        100.0,
        ge=0,
        allow_inf_nan=False,
        description="Km: places closer to each other than this are the same",
    )
    fraud_deviations: float = Field(
        4.0,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviations: an amount farther than this from the card's own is an "
        "alert",
    )
    fraud_history: int = Field(
        10,
        ge=2,
        description="Payments of a card before its amounts are judged",
    )
    fraud_grace: Duration = Field(
        parse_duration("5s"),
        description="How late a payment may be, and how much later alerts are published",
    )


settings = cache(FraudSettings.load)
