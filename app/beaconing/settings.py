"""Thresholds of the pipeline `beaconing`."""

from functools import cache
from typing import Annotated

from pydantic import AfterValidator, Field

from app.beaconing.allowed import check_patterns
from app.use_case import PREFIX
from eventfold.environment import Environment
from eventfold.settings.fields import Duration, Names
from eventfold.windows.durations import parse_duration


class BeaconSettings(Environment):
    """Thresholds for contacts so regular that a program makes them."""

    model_config = PREFIX

    beacon_contacts: int = Field(
        12,
        ge=4,
        le=1000,
        description="Contacts with a destination before their regularity is judged; so many of "
        "the latest are",
    )
    beacon_variation: float = Field(
        0.15,
        gt=0,
        allow_inf_nan=False,
        description="Largest coefficient of variation of the intervals; a jitter of +-20 % is 0.12",
    )
    beacon_shortest: Duration = Field(
        parse_duration("10s"),
        description="Connections closer to each other than this are one contact",
    )
    beacon_longest: Duration = Field(
        parse_duration("1h"),
        description="After a longer pause contacts are counted anew",
    )
    beacon_allowed: Annotated[Names, AfterValidator(check_patterns)] = Field(
        ("*.pool.ntp.org",),
        description="Destinations that may be contacted regularly: names, *.example.org, "
        "10.0.0.0/8",
    )
    beacon_destinations: int = Field(
        64,
        ge=1,
        description="Destinations remembered in each of 16 parts of a source's; a scan is more",
    )
    beacon_repeat: Duration = Field(
        parse_duration("1h"),
        description="A beacon that goes on is published again after this",
    )
    beacon_grace: Duration = Field(
        parse_duration("30s"),
        description="How late a connection may be, and how much later beacons are published",
    )


settings = cache(BeaconSettings.load)
