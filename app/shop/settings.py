"""Settings of the pipelines `searches` and `clicks`."""

from functools import cache

from pydantic import Field

from app.use_case import PREFIX
from eventfold.environment import Environment
from eventfold.operators.joins import Kind
from eventfold.settings.fields import Duration
from eventfold.windows.durations import parse_duration


class ShopSettings(Environment):
    """Join windows and waiting times of the shop's pipelines."""

    model_config = PREFIX

    search_join: Kind = Field(
        "left",
        description="Searches with clicks: inner (pairs), left (and searches without a click), "
        "outer (and clicks without a search)",
    )
    search_before: Duration = Field(
        parse_duration("1s"),
        description="How long before its search a click may be, for clocks that differ",
    )
    search_after: Duration = Field(
        parse_duration("10m"),
        description="How long after its search a click may be",
    )
    search_grace: Duration = Field(
        parse_duration("1m"),
        description="How late a search or a click may be, and how far one may be behind the other",
    )
    search_most: int = Field(
        1000,
        ge=1,
        description="Searches, and clicks, of a user that wait for a partner; more are dead "
        "letters",
    )
    profile_grace: Duration = Field(
        parse_duration("30s"),
        description="How long a click waits for the profile of its user",
    )
    profile_most: int = Field(
        1000,
        ge=1,
        description="Clicks of a user that wait; more go out without a profile, marked",
    )


settings = cache(ShopSettings.load)
