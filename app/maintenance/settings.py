"""Thresholds of the pipeline `maintenance`."""

from functools import cache

from pydantic import Field

from app.use_case import UseCaseSettings
from eventfold.settings.fields import Duration
from eventfold.windows.durations import parse_duration


class MaintenanceSettings(UseCaseSettings):
    """Thresholds of maintenance notices about machines."""

    maintenance_baseline: int = Field(
        120,
        ge=10,
        description="First readings of a sensor, from which its own mean and deviation are learnt",
    )
    maintenance_shift: float = Field(
        1.5,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviations: a lasting shift of a sensor's mean by this is a drift",
    )
    maintenance_drift: float = Field(
        12.0,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviations that have to add up beyond half the shift (CUSUM's h)",
    )
    maintenance_window: int = Field(
        60,
        ge=10,
        le=1000,
        description="Latest readings of a sensor, to which the next one is compared",
    )
    maintenance_deviations: float = Field(
        6.0,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviations: a reading farther than this from its window is a spike",
    )
    maintenance_silence: Duration = Field(
        parse_duration("1m"),
        description="A machine without a reading for so long is silent",
    )
    maintenance_repeat: Duration = Field(
        parse_duration("10m"),
        description="A drift or spike of one sensor is told at most once per this",
    )
    maintenance_grace: Duration = Field(
        parse_duration("10s"),
        description="How late a reading may be, and how much later all is told",
    )


settings = cache(MaintenanceSettings.load)
