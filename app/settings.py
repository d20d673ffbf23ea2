"""Every setting: one environment variable each, typed, with a default for the embedded broker.

Names are Faust's own where Faust has one, else `TICKSTREAM_...`. A bad value stops the start
with one line that names the variable.
"""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.security.kafka import KafkaSecurity
from app.security.secret import is_secret
from app.security.web import WebSecurity
from app.thresholds.beaconing import BeaconSettings
from app.thresholds.fields import Duration, Names, join, read, show
from app.thresholds.fraud import FraudSettings
from app.thresholds.hotel import HotelSettings
from app.thresholds.maintenance import MaintenanceSettings
from app.thresholds.shop import ShopSettings
from app.thresholds.transactions import TransactionSettings
from app.windows.calendars import Calendar, day, is_zone
from app.windows.durations import parse_duration
from app.windows.errors import DefinitionError
from app.windows.exchanges import Exchange, exchange
from app.windows.windowers import Window, parse_windows, tumbling

DAY = tumbling(86_400_000)

#: Names a directory with a file for each variable that is not to stand in the environment.
SECRETS_DIRECTORY = "TICKSTREAM_SECRETS_DIR"


def _candle_windows(text: str) -> tuple[Window, ...]:
    windows = parse_windows(text)
    for window in windows:
        # It would be told apart from the day by nothing but its offset, which no candle has.
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


#: With how they are read, and how people are shown them.
Windows = Annotated[tuple[Window, ...], read(_candle_windows), show(join), NoDecode]


class SettingsError(SystemExit):
    """A setting that can't be used; its message is the one line a user sees."""


class Settings(
    KafkaSecurity,
    WebSecurity,
    FraudSettings,
    MaintenanceSettings,
    BeaconSettings,
    HotelSettings,
    ShopSettings,
    TransactionSettings,
    BaseSettings,
):
    """The settings of one process, read from its environment.

    Those of `app/security` and `app/thresholds` are among them.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    app_id: str = Field(
        "tickstream",
        alias="TICKSTREAM_APP_ID",
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Application id: consumer group, prefix of changelogs and transactions",
    )
    broker_url: str = Field(
        "kafka://127.0.0.1:9092",
        alias="BROKER_URL",
        pattern=r"^(kafka://)?[^/\s@]+$",
        description="The Kafka brokers, separated by ; or ,",
    )
    topic_partitions: int = Field(
        6, alias="TOPIC_PARTITIONS", ge=1, description="Partitions of ticks and of what follows it"
    )
    topic_replicas: int = Field(
        1, alias="TOPIC_REPLICATION_FACTOR", ge=1, description="Replicas of every topic we create"
    )
    datadir: Path | None = Field(
        None,
        alias="APP_DATADIR",
        description="Where this worker keeps its state; data/APP_ID-WEB_PORT if not set",
    )
    web_port: int = Field(6066, alias="WEB_PORT", ge=1, le=65535, description="Web server's port")
    web_bind: str = Field(
        "127.0.0.1", alias="WEB_BIND", description="Address the web server listens on"
    )
    web_host: str = Field(
        "127.0.0.1", alias="WEB_HOST", description="Name under which other workers reach this one"
    )
    pipelines: Names = Field(
        (),
        alias="TICKSTREAM_PIPELINES",
        description="Pipelines to run (modules of agents/), all if not set; "
        "belongs to the application id",
    )
    modules: Names = Field(
        (), alias="TICKSTREAM_MODULES", description="Modules of yours with streams, to run as well"
    )
    windows: Windows = Field(
        parse_windows("1m,5m,15m,5m/1m,15m/1m,1d"),
        alias="TICKSTREAM_WINDOWS",
        description="Windows of candles: size, or size/advance",
    )
    grace: Duration = Field(
        parse_duration("5m"), alias="TICKSTREAM_GRACE", description="How late a tick may be"
    )
    day_grace: Duration = Field(
        parse_duration("4h"),
        alias="TICKSTREAM_DAY_GRACE",
        description="How late a tick may be for the day's windows",
    )
    day: Annotated[str, AfterValidator(_known_day)] = Field(
        "UTC",
        alias="TICKSTREAM_DAY",
        description="Whose days the day's windows are: an IANA time zone, or an exchange (XNYS)",
    )
    retention: Duration = Field(
        parse_duration("8d"),
        alias="TICKSTREAM_RETENTION",
        description="How long windows are kept, in stream time",
    )
    max_ahead: Duration = Field(
        parse_duration("1h"),
        alias="TICKSTREAM_MAX_AHEAD",
        description="How far an event time may be ahead of its record's Kafka timestamp",
    )
    idle: Duration = Field(
        parse_duration("1m"),
        alias="TICKSTREAM_IDLE",
        description="After this silence an input no longer holds a stage of several inputs up",
    )
    gain_base: Literal["open", "previous-close"] = Field(
        "open",
        alias="TICKSTREAM_GAIN_BASE",
        description="What a gain is measured from: the day's open, or the previous day's close",
    )
    ranking_stages: int = Field(
        1,
        alias="TICKSTREAM_RANKING_STAGES",
        ge=1,
        le=2,
        description="2: each partition of ticks ranks its own symbols first, and one partition "
        "only those best; for more symbols than one partition can take",
    )
    surge: float = Field(
        0.004,
        alias="TICKSTREAM_SURGE",
        gt=0,
        allow_inf_nan=False,
        description="A surge is a change of a price by this fraction, or more, within a minute",
    )
    surge_grace: Duration = Field(
        parse_duration("10s"),
        alias="TICKSTREAM_SURGE_GRACE",
        description="How late a tick may be for surges, which are told so much later",
    )
    trend_grace: Duration = Field(
        parse_duration("30s"),
        alias="TICKSTREAM_TREND_GRACE",
        description="How late a tick may be for the closes of trends, whose signals come so much "
        "later",
    )
    publish_interval: Duration = Field(
        parse_duration("1s"),
        alias="TICKSTREAM_PUBLISH_INTERVAL",
        description="A changed window is published at most once per this",
    )
    checkpoint_interval: Duration = Field(
        parse_duration("200ms"),
        alias="TICKSTREAM_CHECKPOINT_INTERVAL",
        description="Time between two checkpoints of a task under load",
    )
    transaction_timeout: Duration = Field(
        parse_duration("10s"),
        alias="TICKSTREAM_TRANSACTION_TIMEOUT",
        description="After this the broker aborts the transaction of a worker that went away",
    )
    compression: Literal["gzip", "snappy", "lz4", "zstd"] = Field(
        "snappy",
        alias="PRODUCER_COMPRESSION_TYPE",
        description="Compression of what we write",
    )
    native: bool = Field(
        True,
        alias="TICKSTREAM_NATIVE",
        description="Use the native extension where it is installed (`make native`)",
    )
    max_poll_records: int = Field(
        5000, alias="BROKER_MAX_POLL_RECORDS", ge=500, description="Most records of one batch"
    )
    session_timeout: float = Field(
        6.0, alias="BROKER_SESSION_TIMEOUT", gt=0, description="Seconds to a fail-over"
    )
    heartbeat_interval: float = Field(
        0.3,
        alias="BROKER_HEARTBEAT_INTERVAL",
        gt=0,
        description="Seconds between heartbeats: how late workers hear that one joins or leaves",
    )
    standby_replicas: int = Field(
        1,
        alias="TABLE_STANDBY_REPLICAS",
        ge=0,
        description="Workers that follow each partition's state, to take over without a restore",
    )
    instance_id: str | None = Field(
        None,
        alias="CONSUMER_GROUP_INSTANCE_ID",
        description="Name for static membership: a restart then moves no partition",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        alias="TICKSTREAM_LOG_FORMAT",
        description="Lines of the log: text, or one JSON object each",
    )
    traces: str = Field(
        "off",
        alias="TICKSTREAM_TRACES",
        pattern=r"^(off|console|https?://\S+)$",
        description="OpenTelemetry spans: off, console, or an OTLP endpoint such as "
        "http://127.0.0.1:4318 (extra `traces`)",
    )
    schema_registry: str | None = Field(
        None,
        alias="TICKSTREAM_SCHEMA_REGISTRY",
        pattern=r"^https?://",
        description="Base URL of a schema registry; the workers' own (/registry) if not set",
    )
    chart_url: str = Field(
        "https://query2.finance.yahoo.com/v8/finance/chart/{ticker}",
        alias="TICKSTREAM_CHART_URL",
        pattern=r"^https?://.*\{ticker\}",
        description="Chart API of the price producer; {ticker} is replaced",
    )
    chart_token: str | None = Field(
        None,
        alias="TICKSTREAM_CHART_TOKEN",
        description="Bearer token for the chart API",
        json_schema_extra={"secret": True},
    )

    @property
    def data_directory(self) -> Path:
        """The directory of this worker's state, its own for each web port."""
        return self.datadir or Path("data") / f"{self.app_id}-{self.web_port}"

    @property
    def bootstrap_servers(self) -> list[str]:
        """`host:port` of each broker."""
        hosts = self.broker_url.removeprefix("kafka://").replace(";", ",").split(",")
        return [host if ":" in host else f"{host}:9092" for host in filter(None, hosts)]

    @property
    def day_window(self) -> Window | Calendar | Exchange:
        """The days of daily gains and of the day's candles."""
        return _days(self.day)

    def day_name(self, start: int) -> str:
        """Give the date (YYYY-MM-DD) of the day that starts at `start` (ms)."""
        window = self.day_window
        # Days of UTC lie on a grid, which has no names.
        return (day(self.day) if isinstance(window, Window) else window).name(start)

    @property
    def candle_windows(self) -> tuple[Window, ...]:
        """The windows served from the fine panes: all but the day."""
        return tuple(window for window in self.windows if window != DAY)


def load() -> Settings:
    """Read the environment, and the files of TICKSTREAM_SECRETS_DIR for what it has not.

    Raises SettingsError naming the first bad variable, and its value unless that is a secret.
    """
    try:
        return Settings(_secrets_dir=_secrets_directory())
    except ValidationError as error:
        first = error.errors()[0]
        reason = " ".join(first["msg"].removeprefix("Value error, ").split())
        if not first["loc"]:  # of several variables together
            raise SettingsError(reason) from None
        name = str(first["loc"][0])
        value = "***" if _hides(name) else " ".join(str(first["input"]).split())
        raise SettingsError(f"{name}={value}: {reason}") from None


def _secrets_directory() -> Path | None:
    """Give where each file holds the variable of its name, as Docker and Kubernetes mount them."""
    name = os.environ.get(SECRETS_DIRECTORY)
    if name and not Path(name).is_dir():
        raise SettingsError(f"{SECRETS_DIRECTORY}={name}: there is no such directory")
    return Path(name) if name else None


def _hides(variable: str) -> bool:
    """Say whether a variable's value may not be shown: a secret, or an address with a password."""
    if variable == "BROKER_URL":
        return "@" in os.environ.get(variable, "")
    fields = Settings.model_fields.values()
    return any(each.alias == variable and is_secret(each.json_schema_extra) for each in fields)


def forget_empty() -> None:
    """Take variables that are empty for unset, as Compose leaves them, for Faust's sake too."""
    for field in Settings.model_fields.values():
        if field.alias and os.environ.get(field.alias) == "":
            del os.environ[field.alias]


@cache
def settings() -> Settings:
    """Give the settings of this process, read once."""
    return load()
