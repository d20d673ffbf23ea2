"""Settings: every variable, its default, and the one line about a bad value."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.market.settings import DAY, MarketSettings
from app.settings import Settings, of_use_cases
from eventfold.settings import SettingsError
from eventfold.settings.fields import show
from eventfold.windows import (
    Window,
    day,
    exchange,
    format_duration,
    hopping,
    parse_windows,
    tumbling,
)

MINUTE = 60_000
#: Variable → the class that declares it, and its field.
DECLARED = {
    field.alias: (kind, name)
    for kind in (Settings, *of_use_cases())
    for name, field in kind.model_fields.items()
}
SECRET = "s3cr3t"  # noqa: S105 - it opens nothing


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Start with none of our variables set."""
    for variable in DECLARED:
        monkeypatch.delenv(variable, raising=False)
    return monkeypatch


def found(variable: str) -> object:
    """Return the value of a setting."""
    kind, name = DECLARED[variable]
    return getattr(kind.load(), name)


def as_written(variable: str, value: object) -> str:
    """Write a value as people do in the environment."""
    kind, name = DECLARED[variable]
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    is_duration = show(format_duration) in kind.model_fields[name].metadata
    return format_duration(value) if is_duration and isinstance(value, int) else str(value)


def refusal() -> str:
    """Load settings that are rejected; return the one line of the error."""
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    message = str(caught.value)
    assert message.splitlines() == [message]
    return message


def test_defaults_are_complete_and_name_the_embedded_broker() -> None:
    """Brokers, windows, and a web server for this machine alone."""
    conf, market = Settings.load(), MarketSettings.load()
    assert conf.bootstrap_servers == ["127.0.0.1:9092"]
    assert market.windows == parse_windows("1m,5m,15m,5m/1m,15m/1m,1d")
    assert (market.grace, market.day_grace, market.retention) == (
        5 * MINUTE,
        240 * MINUTE,
        8 * 1440 * MINUTE,
    )
    assert (conf.web_bind, conf.web_port) == ("127.0.0.1", 6066)
    assert conf.pipelines == conf.modules == ()


def test_no_variable_is_declared_twice() -> None:
    """Two use cases would read the same."""
    assert len(list(Settings.fields())) == len(DECLARED)


@pytest.mark.parametrize("variable", sorted(DECLARED))
def test_a_default_written_into_its_variable_changes_nothing(
    variable: str, environment: pytest.MonkeyPatch
) -> None:
    """So every default passes its own checks."""
    default = found(variable)
    if default is not None:
        environment.setenv(variable, as_written(variable, default))
    assert found(variable) == default


@pytest.mark.parametrize("variable", sorted(DECLARED))
def test_an_empty_variable_means_the_default(
    variable: str, environment: pytest.MonkeyPatch
) -> None:
    """Compose files and shells set variables to nothing when they leave them out."""
    default = found(variable)
    environment.setenv(variable, "")
    assert found(variable) == default


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("TICKSTREAM_APP_ID", "prod-1", "app_id", "prod-1"),
        ("TICKSTREAM_TOPIC_PREFIX", "eu.", "topic_prefix", "eu."),
        ("BROKER_URL", "kafka://a:1;b", "bootstrap_servers", ["a:1", "b:9092"]),
        ("BROKER_URL", "a,b:2", "bootstrap_servers", ["a:9092", "b:2"]),
        ("BROKER_URL", "a:1, kafka://b:2/ ; c", "bootstrap_servers", ["a:1", "b:2", "c:9092"]),
        ("BROKER_URL", "[::1]", "bootstrap_servers", ["[::1]:9092"]),
        ("BROKER_URL", "::1,[::2]:1", "bootstrap_servers", ["[::1]:9092", "[::2]:1"]),
        ("WEB_HOST", "[::1]", "web_host", "::1"),
        ("TOPIC_PARTITIONS", "12", "topic_partitions", 12),
        ("APP_DATADIR", "there", "data_directory", Path("there")),
        ("WEB_PORT", "6067", "data_directory", Path("data/tickstream-6067")),
        ("WEB_PORT", "65535", "web_port", 65_535),
        ("TICKSTREAM_PIPELINES", "candles, gainers,", "pipelines", ("candles", "gainers")),
        ("TICKSTREAM_MODULES", "mine.streams", "modules", ("mine.streams",)),
        ("TICKSTREAM_WINDOWS", "1d", "windows", (tumbling(1440 * MINUTE),)),
        ("TICKSTREAM_WINDOWS", "5m/1m,5m/1m", "windows", (hopping(5 * MINUTE, MINUTE),)),
        ("TICKSTREAM_WINDOWS", "1d,30s", "candle_windows", (Window(30_000, 30_000),)),
        ("TICKSTREAM_WINDOWS", "1h+15m", "windows", (tumbling("1h", "15m"),)),
        ("TICKSTREAM_DAY", "Europe/Berlin", "day_window", day("Europe/Berlin")),
        ("TICKSTREAM_DAY", "XNYS", "day_window", exchange("XNYS")),
        ("TICKSTREAM_DAY", "NYSE", "day_window", exchange("XNYS")),
        ("TICKSTREAM_DAY", "UTC", "day_window", DAY),
        ("TICKSTREAM_GRACE", "90s", "grace", 90_000),
        ("TICKSTREAM_DAY_GRACE", "1h", "day_grace", 60 * MINUTE),
        ("TICKSTREAM_RETENTION", "30d", "retention", 30 * 1440 * MINUTE),
        ("TICKSTREAM_MAX_AHEAD", "5s", "max_ahead", 5_000),
        ("TICKSTREAM_GAIN_BASE", "previous-close", "gain_base", "previous-close"),
        ("TICKSTREAM_PUBLISH_INTERVAL", "250ms", "publish_interval", 250),
        ("TICKSTREAM_CHECKPOINT_INTERVAL", "1s", "checkpoint_interval", 1_000),
        ("PRODUCER_COMPRESSION_TYPE", "zstd", "compression", "zstd"),
        ("BROKER_SESSION_TIMEOUT", "45", "session_timeout", 45.0),
        ("CONSUMER_GROUP_INSTANCE_ID", "node-1", "instance_id", "node-1"),
        ("TICKSTREAM_CHART_TOKEN", SECRET, "chart_token", SECRET),
    ],
)
def test_the_environment_overrides_a_default(
    variable: str, text: str, name: str, value: object, environment: pytest.MonkeyPatch
) -> None:
    """In the form that people write."""
    environment.setenv(variable, text)
    assert getattr(DECLARED[variable][0].load(), name) == value


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("TICKSTREAM_GRACE", "5x", "'5x' is not a duration"),
        ("TICKSTREAM_GRACE", "0s", "longer than nothing"),
        ("TICKSTREAM_RETENTION", "-1d", "'-1d' is not a duration"),
        ("TICKSTREAM_CHECKPOINT_INTERVAL", "0ms", "longer than nothing"),
        ("TICKSTREAM_WINDOWS", "5m/10m", "the advance is larger than the size"),
        ("TICKSTREAM_WINDOWS", "1m;5m", "'1m;5m' is not a duration"),
        ("TICKSTREAM_WINDOWS", "0s", "have to be positive"),
        ("TICKSTREAM_WINDOWS", "1d+6h", "a day begins at midnight, where TICKSTREAM_DAY says"),
        ("TICKSTREAM_WINDOWS", "1h,1h+15m", "nobody could distinguish them"),
        ("TICKSTREAM_WINDOWS", "day UTC", "'day UTC' is not a duration"),
        ("TICKSTREAM_DAY", "Mars", "not an IANA time zone such as America/New_York, and 'Mars' is"),
        ("TICKSTREAM_DAY", "utc", "'utc' is not an exchange such as XNYS"),
        ("TICKSTREAM_DAY", "1d", "'1d' is not an exchange such as XNYS"),
        ("TICKSTREAM_GAIN_BASE", "foo", "'open' or 'previous-close'"),
        ("TICKSTREAM_APP_ID", "a b", "pattern"),
        ("TICKSTREAM_TOPIC_PREFIX", "a/", "pattern"),
        ("TICKSTREAM_CHART_URL", "https://host/without", "pattern"),
        ("BROKER_URL", "kafka://", "is no broker: write HOST:PORT"),
        ("WEB_PORT", "99999", "less than or equal to 65535"),
        ("WEB_PORT", "0", "greater than or equal to 1"),
        ("WEB_PORT", "web", "valid integer"),
        ("TOPIC_PARTITIONS", "0", "greater than or equal to 1"),
        ("TOPIC_PARTITIONS", "1.5", "valid integer"),
        ("BROKER_SESSION_TIMEOUT", "nan", "finite number"),
        ("PRODUCER_COMPRESSION_TYPE", "zip", "'gzip', 'snappy', 'lz4' or 'zstd'"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_it(
    variable: str, text: str, problem: str, environment: pytest.MonkeyPatch
) -> None:
    """The variable, its value, and what is wrong."""
    environment.setenv(variable, text)
    message = refusal()
    assert message.startswith(f"{variable}={text}: ")
    assert problem in message


def test_the_day_is_in_utc_by_default() -> None:
    """On the grid of a tumbling window of 1d."""
    assert MarketSettings.load().day_window == DAY == tumbling(86_400_000)
    assert str(MarketSettings.load().day_window) == "1d"


@pytest.mark.parametrize(
    ("text", "opens", "name"),
    [
        ("UTC", datetime(2024, 3, 11, tzinfo=UTC), "2024-03-11"),
        ("America/New_York", datetime(2024, 3, 11, 4, tzinfo=UTC), "2024-03-11"),
        ("Asia/Tokyo", datetime(2024, 3, 10, 15, tzinfo=UTC), "2024-03-11"),
        ("XNYS", datetime(2024, 3, 11, 13, 30, tzinfo=UTC), "2024-03-11"),
        ("CMES", datetime(2024, 3, 10, 22, tzinfo=UTC), "2024-03-11"),
    ],
)
def test_a_day_is_named_by_its_local_date(
    text: str, opens: datetime, name: str, environment: pytest.MonkeyPatch
) -> None:
    """Or by its session's, wherever in UTC it begins."""
    environment.setenv("TICKSTREAM_DAY", text)
    conf, start = MarketSettings.load(), int(opens.timestamp() * 1000)
    (window,) = conf.day_window.over(start, start + 1, 0, ())
    assert window.start == start
    assert conf.day_name(start) == name


def test_exchange_without_its_package_is_rejected_with_what_to_install(
    environment: pytest.MonkeyPatch,
) -> None:
    """In the one line that names the variable; zones need nothing."""
    environment.setitem(sys.modules, "exchange_calendars", None)
    environment.setenv("TICKSTREAM_DAY", "XLON")
    assert refusal().endswith("is not installed: pip install -e '.[exchanges]'")
    environment.setenv("TICKSTREAM_DAY", "Asia/Kolkata")
    assert MarketSettings.load().day_window == day("Asia/Kolkata")


def test_a_value_with_line_breaks_is_refused_in_one_line_too(
    environment: pytest.MonkeyPatch,
) -> None:
    """A YAML block or a bad quote puts them there; the log has one line."""
    environment.setenv("TICKSTREAM_GRACE", "5m\nTICKSTREAM_RETENTION=8d")
    assert refusal().startswith("TICKSTREAM_GRACE=")


@pytest.mark.parametrize("variable", ["WEB_PORT", "TICKSTREAM_GRACE", "TICKSTREAM_CHART_URL"])
@pytest.mark.parametrize("token", [SECRET, f"{SECRET}\n", f"\udcff{SECRET}", f" {SECRET} "])
def test_a_secret_is_in_no_message(
    variable: str, token: str, environment: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong beside it, and however odd it is itself."""
    environment.setenv("TICKSTREAM_CHART_TOKEN", token)
    environment.setenv(variable, "wrong")
    assert SECRET not in refusal()


def test_topics_have_the_prefix_and_internal_ones_the_application_id(
    environment: pytest.MonkeyPatch,
) -> None:
    """Without a prefix, topics have the names of the contract."""
    environment.setenv("TICKSTREAM_APP_ID", "shop")
    assert Settings.load().topic_name("candles") == "candles"
    assert Settings.load().topic_name("guest-log", internal=True) == "shop-guest-log"
    environment.setenv("TICKSTREAM_TOPIC_PREFIX", "eu.")
    assert Settings.load().topic_name("candles") == "eu.candles"
    assert Settings.load().topic_name("guest-log", internal=True) == "eu.shop-guest-log"


def test_settings_cant_be_changed_once_read() -> None:
    """A worker runs with the settings that it started with."""
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().web_port = 1
