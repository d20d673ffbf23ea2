"""Thresholds of the pipeline `maintenance`."""

from functools import cache

from pydantic import Field

from app.use_case import PREFIX
from eventfold.environment import Environment
from eventfold.settings.fields import Duration
from eventfold.windows.durations import parse_duration


class MaintenanceSettings(Environment):
    """Thresholds of maintenance notices about machines."""

    model_config = PREFIX

    maintenance_baseline: int | None = Field(
        None,
        ge=10,
        description="First readings of a sensor, from which its own mean and deviation are learnt; "
        "unset, they are learnt from 120 and from all that follow, with a daily cycle",
    )
    maintenance_shift: float = Field(
        1.5,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviations: a lasting shift of a sensor's mean by this is a drift",
    )
    maintenance_drift: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviations that have to add up beyond half the shift (CUSUM's h); "
        "unset, as many as a steady sensor exceeds once in four weeks, but at least 12",
    )
    maintenance_window: int = Field(
        60,
        ge=10,
        le=1000,
        description="Latest readings of a sensor, to which the next one is compared",
    )
    maintenance_deviations: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviations: a reading farther than this from its window is a spike; "
        "unset, 6 for sensors that seldom jump so far",
    )
    maintenance_silence: Duration | None = Field(
        None,
        description="A machine without a reading for so long is silent; unset, three times its own "
        "interval, but at least 1m",
    )
    maintenance_repeat: Duration = Field(
        parse_duration("10m"),
        description="A drift or spike of one sensor is published at most once per this; one that "
        "goes on less often each time, down to once a day",
    )
    maintenance_grace: Duration = Field(
        parse_duration("10s"),
        description="How late a reading may be, and how much later events are published",
    )


settings = cache(MaintenanceSettings.load)
