"""Settings of the market: windows of candles, gains, surges, trends, and the price producer."""

from functools import cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import NoDecode

from app.use_case import PREFIX
from eventfold.environment import Environment
from eventfold.security.urls import MARK as URL_MARK
from eventfold.security.urls import SecretUrl, matching
from eventfold.settings.fields import Duration, join, read, show
from eventfold.windows.calendars import Calendar, day, is_zone
from eventfold.windows.durations import format_duration, parse_duration
from eventfold.windows.errors import DefinitionError
from eventfold.windows.exchanges import Exchange, exchange
from eventfold.windows.fixed import Window, parse_windows, tumbling

DAY = tumbling(86_400_000)


def _candle_windows(text: str) -> tuple[Window, ...]:
    windows = parse_windows(text)
    for window in windows:
        # It would differ from the day only in its offset, which is not in the candle.
        if window != DAY and (window.size, window.advance) == (DAY.size, DAY.advance):
            raise DefinitionError(
                f"window {window}: a day begins at midnight, where TICKSTREAM_DAY says"
            )
    return windows


@cache
def _days(name: str) -> Window | Calendar | Exchange:
    if name == "UTC":
        return DAY
    if is_zone(name):
        return day(name)
    try:
        return exchange(name)
    except DefinitionError as error:
        raise DefinitionError(
            f"not an IANA time zone such as America/New_York, and {error}"
        ) from None


def _known_day(name: str) -> str:
    _days(name)
    return name


#: Windows, with their parser and their formatter for display.
Windows = Annotated[tuple[Window, ...], read(_candle_windows), show(join), NoDecode]


class MarketSettings(Environment):
    """Windows, lateness and thresholds of the market's pipelines."""

    model_config = PREFIX

    windows: Windows = Field(
        parse_windows("1m,5m,15m,5m/1m,15m/1m,1d"),
        description="Windows of candles: size, or size/advance",
    )
    grace: Duration = Field(
        parse_duration("5m"), alias="TICKSTREAM_GRACE", description="How late a tick may be"
    )
    day_grace: Duration = Field(
        parse_duration("4h"),
        description="How late a tick may be for the day's windows",
    )
    day: Annotated[str, AfterValidator(_known_day)] = Field(
        "UTC",
        description="Whose days the day's windows are: an IANA time zone, or an exchange (XNYS)",
    )
    retention: Duration = Field(
        parse_duration("8d"),
        description="How long windows are kept, in stream time",
    )
    gain_base: Literal["open", "previous-close"] = Field(
        "open",
        description="What a gain is measured from: the day's open, or the previous day's close",
    )
    ranking_stages: int = Field(
        1,
        ge=1,
        le=2,
        description="2: each partition of ticks ranks its own symbols first, and one partition "
        "only those best; for more symbols than one partition can take",
    )
    surge: float = Field(
        0.004,
        gt=0,
        allow_inf_nan=False,
        description="A surge is a change of a price by this fraction, or more, within a minute",
    )
    surge_grace: Duration = Field(
        parse_duration("10s"),
        description="How late a tick may be for surges, which are published so much later",
    )
    trend_grace: Duration = Field(
        parse_duration("30s"),
        description="How late a tick may be for the closes of trends, whose signals come so much "
        "later",
    )
    chart_url: Annotated[SecretUrl, matching(r"^https?://.*\{ticker\}")] = Field(
        SecretUrl("https://query2.finance.yahoo.com/v8/finance/chart/{ticker}"),
        json_schema_extra=dict(URL_MARK),
        description="Chart API of the price producer; {ticker} is replaced",
    )
    chart_token: str | None = Field(
        None,
        description="Bearer token for the chart API",
        json_schema_extra={"secret": True, "worker": False},
    )

    @model_validator(mode="after")
    def _keeps_windows_long_enough(self) -> Self:
        needed = max(
            window.size + (self.day_grace if window == DAY else self.grace)
            for window in self.windows
        )
        if self.retention < needed:
            raise ValueError(
                f"TICKSTREAM_RETENTION={format_duration(self.retention)} is shorter than the "
                f"longest of TICKSTREAM_WINDOWS and its grace, {format_duration(needed)}"
            )
        return self

    @property
    def day_window(self) -> Window | Calendar | Exchange:
        """Days of the daily gains and of the day's candles."""
        return _days(self.day)

    def day_name(self, start: int) -> str:
        """Return the date (YYYY-MM-DD) of the day that starts at `start` (ms)."""
        window = self.day_window
        # Days in UTC are tumbling windows, which have no method for names.
        return (day(self.day) if isinstance(window, Window) else window).name(start)

    @property
    def candle_windows(self) -> tuple[Window, ...]:
        """Windows that are served from the short panes: all except the day."""
        return tuple(window for window in self.windows if window != DAY)


settings = cache(MarketSettings.load)
