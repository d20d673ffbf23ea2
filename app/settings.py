"""Settings: one environment variable each, typed, with a default for the embedded broker.

A name is Faust's own if Faust has the setting, else `TICKSTREAM_...`. A bad value stops the start
with one line that names the variable.
"""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.beaconing.settings import BeaconSettings
from app.fraud.settings import FraudSettings
from app.hotel.settings import HotelSettings
from app.maintenance.settings import MaintenanceSettings
from app.setting_names import describe_unknown, unknown_names
from app.shop.settings import ShopSettings
from app.transactions.settings import TransactionSettings
from eventfold.addresses import parse_brokers, parse_host
from eventfold.security.kafka import KafkaSecurity
from eventfold.security.secret import is_secret
from eventfold.security.urls import MARK as URL_MARK
from eventfold.security.urls import SecretUrl, masked, matching
from eventfold.security.web import WebSecurity
from eventfold.setting_fields import Duration, Names, join, read, show
from eventfold.windows.calendars import Calendar, day, is_zone
from eventfold.windows.durations import format_duration, parse_duration
from eventfold.windows.errors import DefinitionError
from eventfold.windows.exchanges import Exchange, exchange
from eventfold.windows.windowers import Window, parse_windows, tumbling

DAY = tumbling(86_400_000)

#: Variable that names a directory with a file for each variable to keep out of the environment.
SECRETS_DIRECTORY = "TICKSTREAM_SECRETS_DIR"


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


def _brokers(text: str) -> str:
    parse_brokers(text)
    return text


#: Windows, with their parser and their formatter for display.
Windows = Annotated[tuple[Window, ...], read(_candle_windows), show(join), NoDecode]


Host = Annotated[str, AfterValidator(parse_host)]

#: The broker's default `message.max.bytes` of 1,048,588 less room for headers.
MAX_RECORD = 1_000_000


class SettingsError(SystemExit):
    """Invalid setting; the message is the one line that the user sees."""


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
    """Settings of one process, read from its environment.

    They include those of `eventfold/security` and of each use case.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    app_id: str = Field(
        "tickstream",
        alias="TICKSTREAM_APP_ID",
        pattern=r"^[A-Za-z0-9._-]+$",
        max_length=100,  # it is a part of topic names, which have 249 characters at most
        description="Application id: consumer group, prefix of changelogs and transactions",
    )
    topic_prefix: str = Field(
        "",
        alias="TICKSTREAM_TOPIC_PREFIX",
        pattern=r"^[A-Za-z0-9._-]*$",
        max_length=50,
        description="Put before the name of each topic that this application writes; sources keep "
        "their names; belongs to the application id",
    )
    broker_url: Annotated[str, AfterValidator(_brokers)] = Field(
        "kafka://127.0.0.1:9092",
        alias="BROKER_URL",
        description="The Kafka brokers, separated by ; or ,",
    )
    topic_partitions: int = Field(
        6,
        alias="TOPIC_PARTITIONS",
        ge=1,
        le=10_000,
        description="Partitions of ticks and of what follows it",
    )
    topic_replicas: int = Field(
        1,
        alias="TOPIC_REPLICATION_FACTOR",
        ge=1,
        le=1_000,
        description="Replicas of every topic we create",
    )
    datadir: Path | None = Field(
        None,
        alias="APP_DATADIR",
        description="Where this worker keeps its state; data/APP_ID-WEB_PORT if not set",
    )
    web_port: int = Field(6066, alias="WEB_PORT", ge=1, le=65535, description="Web server's port")
    web_bind: Host = Field(
        "127.0.0.1", alias="WEB_BIND", description="Address the web server listens on"
    )
    web_host: Host = Field(
        "127.0.0.1", alias="WEB_HOST", description="Name under which other workers reach this one"
    )
    pipelines: Names = Field(
        (),
        alias="TICKSTREAM_PIPELINES",
        description="Pipelines to run (modules of agents/); if not set all of them, or none beside "
        "your own modules; `none` says so too. Belongs to the application id",
    )
    modules: Names = Field(
        (), alias="TICKSTREAM_MODULES", description="Modules of yours with streams to run"
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
    max_record_bytes: int = Field(
        MAX_RECORD,
        alias="TICKSTREAM_MAX_RECORD_BYTES",
        ge=500_000,
        description="Largest record written (bytes: a result, a row of state); at most what the "
        "brokers' message.max.bytes lets in, less 48 kB",
    )
    max_name: int = Field(
        256,
        alias="TICKSTREAM_MAX_NAME",
        ge=1,
        le=16_000,
        description="Longest key, id or name in a record (characters); a record with a longer one "
        "is a dead letter. The same for all workers",
    )
    max_text: int = Field(
        4_096,
        alias="TICKSTREAM_MAX_TEXT",
        ge=1,
        le=100_000,
        description="The same of any other text in a record",
    )
    max_ahead: Duration = Field(
        parse_duration("5m"),
        alias="TICKSTREAM_MAX_AHEAD",
        description="How far an event time may be ahead of its record's Kafka timestamp, and that "
        "ahead of the broker's clock: see message.timestamp.after.max.ms of each source",
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
    uncommitted_bytes: int = Field(
        64 << 20,
        alias="TICKSTREAM_UNCOMMITTED_BYTES",
        ge=1,
        description="Memory (bytes, about) for what a worker has folded and not committed; beyond "
        "it nothing more is fetched for the tasks that hold most of it",
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
        5000,
        alias="BROKER_MAX_POLL_RECORDS",
        ge=500,
        le=1_000_000,
        description="Most records of one batch",
    )
    max_poll_interval: float = Field(
        1000.0,
        alias="BROKER_MAX_POLL_INTERVAL",
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds after which a worker that fetches nothing leaves its group",
    )
    session_timeout: float = Field(
        6.0,
        alias="BROKER_SESSION_TIMEOUT",
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds to a fail-over",
    )
    heartbeat_interval: float = Field(
        0.3,
        alias="BROKER_HEARTBEAT_INTERVAL",
        gt=0,
        le=86_400,
        allow_inf_nan=False,
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
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
        description="Name for static membership: a restart then moves no partition",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        alias="TICKSTREAM_LOG_FORMAT",
        description="Lines of the log: text, or one JSON object each",
    )
    traces: Annotated[SecretUrl, matching(r"^(off|console|https?://\S+)$")] = Field(
        SecretUrl("off"),
        alias="TICKSTREAM_TRACES",
        json_schema_extra=dict(URL_MARK),
        description="OpenTelemetry spans: off, console, or an OTLP endpoint such as "
        "http://127.0.0.1:4318 (extra `traces`)",
    )
    schema_registry: Annotated[SecretUrl, matching(r"^https?://")] | None = Field(
        None,
        alias="TICKSTREAM_SCHEMA_REGISTRY",
        json_schema_extra=dict(URL_MARK),
        description="Base URL of a schema registry; the workers' own (/registry) if not set",
    )
    chart_url: Annotated[SecretUrl, matching(r"^https?://.*\{ticker\}")] = Field(
        SecretUrl("https://query2.finance.yahoo.com/v8/finance/chart/{ticker}"),
        alias="TICKSTREAM_CHART_URL",
        json_schema_extra=dict(URL_MARK),
        description="Chart API of the price producer; {ticker} is replaced",
    )
    chart_token: str | None = Field(
        None,
        alias="TICKSTREAM_CHART_TOKEN",
        description="Bearer token for the chart API",
        json_schema_extra={"secret": True},
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.heartbeat_interval >= self.session_timeout:
            raise ValueError(
                f"BROKER_HEARTBEAT_INTERVAL={self.heartbeat_interval:g} has to be shorter than "
                f"BROKER_SESSION_TIMEOUT={self.session_timeout:g}: a third of it or less"
            )
        if self.checkpoint_interval >= self.transaction_timeout:
            raise ValueError(
                f"TICKSTREAM_CHECKPOINT_INTERVAL={format_duration(self.checkpoint_interval)} has "
                "to be shorter than TICKSTREAM_TRANSACTION_TIMEOUT="
                f"{format_duration(self.transaction_timeout)}: each transaction would time out"
            )
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
    def data_directory(self) -> Path:
        """Directory of this worker's state, one per web port."""
        return self.datadir or Path("data") / f"{self.app_id}-{self.web_port}"

    def topic_name(self, base_name: str, *, internal: bool = False) -> str:
        """Return the name in Kafka of a topic that this application writes."""
        application = f"{self.app_id}-" if internal else ""
        return f"{self.topic_prefix}{application}{base_name}"

    @property
    def bootstrap_servers(self) -> list[str]:
        """`host:port` of each broker."""
        return parse_brokers(self.broker_url)

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


def load() -> Settings:
    """Read the environment, and the files of TICKSTREAM_SECRETS_DIR for variables missing there.

    Raises SettingsError naming the first bad variable, and its value unless that is a secret.
    """
    secrets = _secrets_directory()
    _demand_known(secrets)
    try:
        return Settings(_secrets_dir=secrets)
    except ValidationError as error:
        first = error.errors()[0]
        reason = " ".join(first["msg"].removeprefix("Value error, ").split())
        if not first["loc"]:  # of several variables together
            raise SettingsError(reason) from None
        name = str(first["loc"][0])
        value = "***" if _hides(name) else " ".join(str(first["input"]).split())
        value = masked(value) if _is_url(name) else value
        raise SettingsError(f"{name}={value}: {reason}") from None


def variables() -> set[str]:
    """Return the names of all settings."""
    return {field.alias for field in Settings.model_fields.values() if field.alias}


def _demand_known(secrets: Path | None) -> None:
    """Raise SettingsError for a misspelt name, whose setting would not be read."""
    known = {*variables(), SECRETS_DIRECTORY}
    files = {file.name: "" for file in secrets.iterdir()} if secrets else {}
    for name in unknown_names({**files, **os.environ}, known):
        raise SettingsError(describe_unknown(name, known))


def _secrets_directory() -> Path | None:
    """Return the directory of secrets, a file per variable, as Docker and Kubernetes mount them.

    None if it is not set. Raises SettingsError if there is no such directory.
    """
    name = os.environ.get(SECRETS_DIRECTORY)
    if name and not Path(name).is_dir():
        raise SettingsError(f"{SECRETS_DIRECTORY}={name}: there is no such directory")
    return Path(name) if name else None


def _hides(variable: str) -> bool:
    """Return whether a variable's value is secret: a secret, or an address with a password."""
    if variable == "BROKER_URL":
        return "@" in os.environ.get(variable, "")
    return is_secret(_extra(variable))


def _is_url(variable: str) -> bool:
    extra = _extra(variable)
    return isinstance(extra, dict) and "url" in extra


def _extra(variable: str) -> object:
    fields = Settings.model_fields.values()
    return next((each.json_schema_extra for each in fields if each.alias == variable), None)


def forget_empty() -> None:
    """Unset variables that are empty, as Compose leaves them, so that Faust ignores them too."""
    for field in Settings.model_fields.values():
        if field.alias and os.environ.get(field.alias) == "":
            del os.environ[field.alias]


@cache
def settings() -> Settings:
    """Return the settings of this process, which are read once."""
    return load()
