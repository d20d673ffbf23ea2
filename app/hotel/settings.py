"""Thresholds of the pipeline `hotel`."""

from functools import cache

from pydantic import Field

from app.use_case import PREFIX
from eventfold.environment import Environment
from eventfold.settings.fields import Duration
from eventfold.windows.durations import parse_duration


class HotelSettings(Environment):
    """Longest times that guests may wait."""

    model_config = PREFIX

    hotel_complaint: Duration = Field(
        parse_duration("10m"),
        description="A complaint without a response for so long is a service action",
    )
    hotel_arrival: Duration = Field(
        parse_duration("5m"),
        description="A VIP who arrived and was not welcomed for so long is a service action",
    )
    hotel_grace: Duration = Field(
        parse_duration("10s"),
        description="How late an event may be, and how much later service actions are published",
    )


settings = cache(HotelSettings.load)
