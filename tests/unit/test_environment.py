"""Prefix of the variables: the library's own, or the one that an application chooses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.errors import SaslAuthenticationFailed

from app.settings import Settings as Application
from eventfold import native
from eventfold.engine.errors import StartError, TooLargeError, afresh, other_pipelines
from eventfold.environment import SettingsError, prefixed
from eventfold.kafka.broker_preflight import _why
from eventfold.kafka.clients.connections import security_options
from eventfold.kafka.owners import _own_outputs
from eventfold.records.fields import MAX_NAME, MAX_TEXT
from eventfold.settings import RecordLimits, Settings, limit_records
from eventfold.web.protection.signatures import in_common
from eventfold.worker.startup_checks import demand_protection
from eventfold.worker.supervisor import find_remedy


class Shop(Settings):
    """Settings of another application, with one of its own."""

    model_config = prefixed("SHOP_")
    max_orders: int = 5


KINDS = (Settings, "EVENTFOLD_"), (Application, "TICKSTREAM_"), (Shop, "SHOP_")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Start with no variable of any prefix."""
    for kind, _ in KINDS:
        for name in (*kind.variables(), kind.secrets_variable()):
            monkeypatch.delenv(name, raising=False)
    return monkeypatch


def reason(act: Callable[[], object]) -> str:
    """Return the message of the error that ends `act`."""
    with pytest.raises((SettingsError, StartError)) as caught:
        act()
    return str(caught.value)


@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_variable_is_the_prefix_and_the_name_of_the_field(
    kind: type[Settings], prefix: str, environment: pytest.MonkeyPatch
) -> None:
    """Except for those that Faust has under a name of its own, and whoever declares the field."""
    own = {field for field in kind.model_fields if kind.variable(field).startswith(prefix)}
    assert {kind.variable(field) for field in own} == {prefix + field.upper() for field in own}
    assert {kind.variable(field) for field in kind.model_fields.keys() - own} == {
        *("BROKER_URL", "TOPIC_PARTITIONS", "TOPIC_REPLICATION_FACTOR", "APP_DATADIR"),
        *("WEB_PORT", "WEB_BIND", "WEB_HOST", "PRODUCER_COMPRESSION_TYPE"),
        *("BROKER_MAX_POLL_RECORDS", "BROKER_MAX_POLL_INTERVAL", "BROKER_SESSION_TIMEOUT"),
        *("BROKER_HEARTBEAT_INTERVAL", "TABLE_STANDBY_REPLICAS", "CONSUMER_GROUP_INSTANCE_ID"),
    }
    environment.setenv(f"{prefix}APP_ID", "bank")
    environment.setenv(f"{prefix}KAFKA_SASL_USERNAME", "ann")
    assert (kind.load().app_id, kind.load().kafka_sasl_username) == ("bank", "ann")
    assert kind(**{f"{prefix}APP_ID": "shop"}).app_id == "shop"


def test_unknown_field_has_no_variable() -> None:
    """So a misspelt field in a message fails its test."""
    with pytest.raises(KeyError, match="app_name"):
        Settings.variable("app_name")


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        (Settings, "EVENTFOLD_AP_ID", "did you mean EVENTFOLD_APP_ID?"),
        (Settings, "EVENTFOLD_SECRET_DIR", "did you mean EVENTFOLD_SECRETS_DIR?"),
        (Settings, "EVENTFOLD_ZZZ", "unset it"),
        (Application, "TICKSTREAM_GRASE", "did you mean TICKSTREAM_GRACE?"),
        (Application, "TICKSTREAM_MAX_TEX", "did you mean TICKSTREAM_MAX_TEXT?"),
        (Shop, "SHOP_MAX_ORDER", "did you mean SHOP_MAX_ORDERS?"),
        (Shop, "SHOP_WEB_TOKENS", "did you mean SHOP_WEB_TOKEN?"),
    ],
)
def test_misspelt_name_is_rejected_with_the_nearest_of_the_prefix(
    kind: type[Settings], name: str, problem: str, environment: pytest.MonkeyPatch
) -> None:
    """The names of another prefix are another program's."""
    environment.setenv(name, "1")
    assert reason(kind.load).startswith(f"{name} is no setting: {problem}")
    for other, prefix in KINDS:
        if not name.startswith(prefix):
            other.load()


@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_secrets_come_from_the_directory_that_the_prefix_names(
    kind: type[Settings], prefix: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each in a file that is called what its variable is."""
    environment.setenv(f"{prefix}SECRETS_DIR", str(tmp_path))
    (tmp_path / f"{prefix}WEB_TOKEN").write_text("0123456789abcdef")
    assert kind.load().tokens == {"0123456789abcdef": "read"}
    (tmp_path / f"{prefix}WEB_TOKENS").write_text("")
    assert reason(kind.load).startswith(f"{prefix}WEB_TOKENS is no setting")
    environment.setenv(f"{prefix}SECRETS_DIR", "missing")
    assert reason(kind.load) == f"{prefix}SECRETS_DIR=missing: there is no such directory"


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"{}APP_ID": "a b"}, "{}APP_ID=a b: "),
        ({"BROKER_URL": "kafka://ann:h0rse@a"}, "set {}KAFKA_SASL_USERNAME and {}KAFKA_SASL_PASS"),
        ({"{}KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "{}KAFKA_SASL_USERNAME has to be set"),
        (
            {"{}KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "{}KAFKA_SASL_MECHANISM": "OAUTHBEARER"},
            "{}KAFKA_OAUTH_TOKEN_FILE or _URL has to be set",
        ),
        (
            {"{}KAFKA_OAUTH_TOKEN_URL": "http://example.com"},
            "{}KAFKA_OAUTH_TOKEN_URL=http://example.com: ",
        ),
        (
            {"{}CHECKPOINT_INTERVAL": "1m"},
            "{}CHECKPOINT_INTERVAL=1m has to be shorter than {}TRANSACTION_TIMEOUT=10s",
        ),
    ],
)
@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_invalid_value_is_reported_under_the_prefix(
    kind: type[Settings],
    prefix: str,
    environ: dict[str, str],
    problem: str,
    environment: pytest.MonkeyPatch,
) -> None:
    """Also where another variable is the remedy."""
    for name, value in environ.items():
        environment.setenv(name.format(prefix), value)
    message = reason(kind.load)
    assert problem.replace("{}", prefix) in message
    assert "h0rse" not in message


def refused(conf: Settings) -> str:
    """Return the message about a broker that rejects user and password."""
    return _why("a:9092", conf, SaslAuthenticationFailed())


def unjoined(conf: Settings) -> str | None:
    """Return the message about a group that can't be joined."""
    return find_remedy(Exception("InvalidGroupIdError"), conf)


def unprotected(conf: Settings) -> str:
    """Return the message about a web server that other machines reach."""
    conf = conf.model_copy(update={"web_bind": "192.0.2.1"})
    return reason(lambda: demand_protection(conf))


def uncertified(conf: Settings) -> str:
    """Return the message about certificates that can't be read."""
    there = {"kafka_security_protocol": "SSL", "kafka_ssl_cafile": Path("none")}
    return reason(lambda: security_options(conf.model_copy(update=there)))


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (afresh, ("APP_ID", "TOPIC_PREFIX")),
        (lambda conf: other_pipelines(conf, "ticks", "a", "b"), ("MODULES", "APP_ID")),
        (lambda conf: str(TooLargeError("a row", 2, 1, conf)), ("MAX_RECORD_BYTES",)),
        (lambda conf: native.in_words(conf.model_copy(update={"native": False})), ("NATIVE",)),
        (in_common, ("WEB_CLUSTER_TOKEN", "WEB_ADMIN_TOKEN")),
        (refused, ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD")),
        (_own_outputs, ("TOPIC_PREFIX", "MODULES")),
        (unjoined, ("APP_ID",)),
        (unprotected, ("WEB_TOKEN", "WEB_USERS", "WEB_OPEN")),
        (uncertified, ("KAFKA_SSL_CAFILE",)),
    ],
)
@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_message_names_variables_of_the_applications_settings(
    kind: type[Settings],
    prefix: str,
    message: Callable[[Settings], str],
    names: tuple[str, ...],
) -> None:
    """Of this application, and of no other."""
    text = message(kind())
    assert [name for name in names if prefix + name not in text] == []
    assert [other for _, other in KINDS if other != prefix and other in text] == []


def test_what_runs_is_chosen_by_modules_and_here_by_pipelines_too() -> None:
    """A message names what there is to set."""
    assert Settings.selection() == ("EVENTFOLD_MODULES",)
    assert Application.selection() == ("TICKSTREAM_PIPELINES", "TICKSTREAM_MODULES")


def test_limits_of_records_are_those_of_the_process() -> None:
    """Record types exist: other limits for them would have no effect, so they are an error."""
    limit_records(RecordLimits(max_name=MAX_NAME, max_text=MAX_TEXT))
    with pytest.raises(RuntimeError, match="already"):
        limit_records(RecordLimits(max_name=MAX_NAME + 1))


def test_application_sets_the_limits_before_it_has_records() -> None:
    """From its own variables, and from nothing else."""
    code = "import app; from eventfold.records.fields import *; print(MAX_NAME, MAX_TEXT)"
    environ = {"TICKSTREAM_MAX_NAME": "300", "EVENTFOLD_MAX_NAME": "400"}
    done = run(code, **environ)
    assert (done.stdout.split(), done.stderr) == (["300", "4096"], "")
    done = run(code, TICKSTREAM_MAX_NAME="0")
    assert done.stderr.startswith("TICKSTREAM_MAX_NAME=0: ")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process with these variables."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
