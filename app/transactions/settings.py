"""Settings of the pipeline `transactions`."""

from functools import cache
from typing import Annotated

from pydantic import Field

from app.use_case import PREFIX
from eventfold.environment import Environment
from eventfold.security.urls import MARK, SecretUrl, matching
from eventfold.settings.fields import Duration
from eventfold.windows.durations import parse_duration

RulesUrl = Annotated[SecretUrl, matching(r"^(sqlite|postgresql)(\+\w+)?://")]


class TransactionSettings(Environment):
    """Database of the rules, and bounds of the state of a card."""

    model_config = PREFIX

    rules_url: RulesUrl | None = Field(
        None,
        description="Database of the rules: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME;"
        " a file beside the data directory if not set",
        json_schema_extra=dict(MARK),
    )
    rules_interval: Duration = Field(
        parse_duration("250ms"),
        description="Time between two polls of the rules",
    )
    transaction_memory: Duration = Field(
        parse_duration("7d"),
        description="How long a card's transactions are remembered: so long they may be cancelled "
        "or corrected",
    )
    transaction_most: int = Field(
        200,
        ge=10,
        description="Transactions of a card that are remembered at most, the latest",
    )


settings = cache(TransactionSettings.load)
