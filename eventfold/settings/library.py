"""Settings of the library: one environment variable each, typed, with a default.

A name is Faust's own if Faust has the setting, else that of the field after `EVENTFOLD_`, or after
the prefix that an application chooses. A bad value stops the start
with one line that names the variable. An application adds its own settings in a subclass.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from eventfold.addresses import parse_brokers, parse_host
from eventfold.environment import Environment
from eventfold.security.kafka import KafkaSecurity
from eventfold.security.urls import MARK as URL_MARK
from eventfold.security.urls import SecretUrl, matching
from eventfold.security.web import WebSecurity
from eventfold.settings.fields import Duration, Names
from eventfold.windows.durations import format_duration, parse_duration

Host = Annotated[str, AfterValidator(parse_host)]

#: The broker's default `message.max.bytes` of 1,048,588 less room for headers.
MAX_RECORD = 1_000_000


class Settings(KafkaSecurity, WebSecurity, Environment):
    """Settings of one application, read from the environment of its process.

    They include those of `eventfold/security`.
    """

    app_id: str = Field(
        "tickstream",
        pattern=r"^[A-Za-z0-9._-]+$",
        max_length=100,  # it is a part of topic names, which have 249 characters at most
        description="Application id: consumer group, prefix of changelogs and transactions",
    )
    topic_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]*$",
        max_length=50,
        description="Put before the name of each topic that this application writes; sources keep "
        "their names; belongs to the application id",
    )
    broker_url: str = Field(
        "kafka://127.0.0.1:9092",
        alias="BROKER_URL",
        description="The Kafka brokers, separated by ; or ,",
    )
    topic_partitions: int = Field(
        6,
        alias="TOPIC_PARTITIONS",
        ge=1,
        le=10_000,
        description="Partitions of each source and of what follows it",
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
    modules: Names = Field((), description="Modules of yours with streams to run")
    max_record_bytes: int = Field(
        MAX_RECORD,
        ge=500_000,
        description="Largest record written (bytes: a result, a row of state); at most what the "
        "brokers' message.max.bytes lets in, less 48 kB",
    )
    max_ahead: Duration = Field(
        parse_duration("5m"),
        description="How far an event time may be ahead of its record's Kafka timestamp, and that "
        "ahead of the broker's clock: see message.timestamp.after.max.ms of each source",
    )
    idle: Duration = Field(
        parse_duration("1m"),
        description="After this silence an input no longer delays a stage of several inputs",
    )
    publish_interval: Duration = Field(
        parse_duration("1s"),
        description="A changed window is published at most once per this",
    )
    checkpoint_interval: Duration = Field(
        parse_duration("200ms"),
        description="Time between two checkpoints of a task under load",
    )
    uncommitted_bytes: int = Field(
        64 << 20,
        ge=1,
        description="Memory (bytes, about) for what a worker has folded and not committed; beyond "
        "it nothing more is fetched for the tasks that hold most of it",
    )
    transaction_timeout: Duration = Field(
        parse_duration("10s"),
        description="After this the broker aborts the transaction of a worker that went away",
    )
    compression: Literal["gzip", "snappy", "lz4", "zstd"] = Field(
        "snappy",
        alias="PRODUCER_COMPRESSION_TYPE",
        description="Compression of what we write",
    )
    native: bool = Field(
        True,
        description="Use the native extension where it is installed",
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
        description="Lines of the log: text, or one JSON object each",
    )
    traces: Annotated[SecretUrl, matching(r"^(off|console|https?://\S+)$")] = Field(
        SecretUrl("off"),
        json_schema_extra=dict(URL_MARK),
        description="OpenTelemetry spans: off, console, or an OTLP endpoint such as "
        "http://127.0.0.1:4318 (extra `traces`)",
    )
    schema_registry: Annotated[SecretUrl, matching(r"^https?://")] | None = Field(
        None,
        json_schema_extra=dict(URL_MARK),
        description="Base URL of a schema registry; the workers' own (/registry) if not set",
    )

    @field_validator("broker_url")
    @classmethod
    def _names_brokers(cls, text: str) -> str:
        if "@" in text:  # before all else: other errors show the text, with the password
            raise ValueError(
                "a user and a password don't belong here: set "
                f"{cls.variable('kafka_sasl_username')} and {cls.variable('kafka_sasl_password')}"
            )
        parse_brokers(text)
        return text

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.heartbeat_interval >= self.session_timeout:
            raise ValueError(
                f"BROKER_HEARTBEAT_INTERVAL={self.heartbeat_interval:g} has to be shorter than "
                f"BROKER_SESSION_TIMEOUT={self.session_timeout:g}: a third of it or less"
            )
        if self.checkpoint_interval >= self.transaction_timeout:
            raise ValueError(
                f"{self.variable('checkpoint_interval')}="
                f"{format_duration(self.checkpoint_interval)} has to be shorter than "
                f"{self.variable('transaction_timeout')}="
                f"{format_duration(self.transaction_timeout)}: each transaction would time out"
            )
        return self

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raises SettingsError also for a misspelt name of a variable."""
        cls.demand_known_names()
        return super().load()

    @classmethod
    def selection(cls) -> tuple[str, ...]:
        """Return the variables that choose what a worker runs."""
        return (cls.variable("modules"),)

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
