"""Security settings: rejected values, hidden secrets, secrets in files."""

from pathlib import Path

import pytest

from app.market.settings import MarketSettings
from app.settings import Settings
from eventfold.kafka.clients.connections import client_options, faust_credentials
from eventfold.settings import SettingsError

SECRET = "hush-hush-0123456789"  # noqa: S105  # it opens nothing
KAFKA = "TICKSTREAM_KAFKA_"
NAMED = {
    f"{KAFKA}SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    f"{KAFKA}SASL_USERNAME": "ann",
    f"{KAFKA}SASL_PASSWORD": SECRET,
}


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """Load settings that are rejected with these variables; return the one line of the error."""
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    message = str(caught.value)
    assert message.splitlines() == [message]
    return message


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("TICKSTREAM_WEB_TOKEN", "short", "a token has 16 characters or more"),
        ("TICKSTREAM_WEB_TOKEN", f"{SECRET},short", "a token has 16 characters or more"),
        ("TICKSTREAM_WEB_ADMIN_TOKEN", f"{SECRET}:{SECRET}", "is made of letters, digits"),
        ("TICKSTREAM_WEB_CLUSTER_TOKEN", "short", "a token has 16 characters or more"),
        ("TICKSTREAM_WEB_USERS", f"ann:{SECRET}", "written as NAME:read:PASSWORD"),
        ("TICKSTREAM_WEB_USERS", f"ann:owner:{SECRET}", "written as NAME:read:PASSWORD"),
        ("TICKSTREAM_WEB_USERS", f":read:{SECRET}", "written as NAME:read:PASSWORD"),
        ("TICKSTREAM_WEB_USERS", "ann:read:short", "a password has at least 8 characters"),
        ("TICKSTREAM_WEB_USERS", f"ann:read:{SECRET},bob:owner:{SECRET}", "written as NAME:read"),
        ("TICKSTREAM_WEB_USERS", "ann:read:$argon2id$v=19$m=1,t=1", "the command `password`"),
        ("BROKER_URL", f"kafka://ann:{SECRET}@host", "TICKSTREAM_KAFKA_SASL_PASSWORD"),
    ],
)
def test_a_bad_secret_is_refused_without_showing_it(
    variable: str, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the variable and what is wrong with it."""
    message = refusal(monkeypatch, **{variable: text})
    assert message.startswith(f"{variable}=***: ")
    assert problem in message
    assert text not in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("TICKSTREAM_WEB_RATE", "-1", "greater than or equal to 0"),
        ("TICKSTREAM_WEB_RATE", "nan", "less than or equal to 1000000"),
        ("TICKSTREAM_WEB_CONNECTIONS", "0", "greater than or equal to 10"),
        ("TICKSTREAM_WEB_PROXIES", "proxy", "'proxy' does not appear to be an IPv4 or IPv6"),
        ("TICKSTREAM_WEB_ORIGINS", "example.com", "is neither * nor an origin"),
        ("TICKSTREAM_WEB_ORIGINS", "https://a.example/path", "is neither * nor an origin"),
        ("TICKSTREAM_WEB_OPEN", "perhaps", "valid boolean"),
        (f"{KAFKA}SECURITY_PROTOCOL", "TLS", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or"),
        (f"{KAFKA}SASL_MECHANISM", "GSSAPI", "'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512' or"),
        (f"{KAFKA}OAUTH_TOKEN_URL", "ftp://host", "pattern"),
    ],
)
def test_invalid_security_setting_is_rejected_in_one_line(
    variable: str, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for all settings."""
    message = refusal(monkeypatch, **{variable: text})
    assert message.startswith(f"{variable}={text}: ")
    assert problem in message


@pytest.mark.parametrize(
    ("without", "settings", "variable"),
    [
        (f"{KAFKA}SASL_USERNAME", {}, f"{KAFKA}SASL_USERNAME"),
        (f"{KAFKA}SASL_PASSWORD", {}, f"{KAFKA}SASL_PASSWORD"),
        ("", {f"{KAFKA}SASL_MECHANISM": "OAUTHBEARER"}, f"{KAFKA}OAUTH_TOKEN_FILE or _URL"),
        (
            "",
            {
                f"{KAFKA}SASL_MECHANISM": "OAUTHBEARER",
                f"{KAFKA}OAUTH_TOKEN_URL": "https://id.example/token",
            },
            f"{KAFKA}OAUTH_CLIENT_ID",
        ),
    ],
)
def test_missing_setting_of_a_sasl_mechanism_is_named(
    without: str, settings: dict[str, str], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a broker is contacted; secrets that are set are not shown."""
    environment = {name: text for name, text in {**NAMED, **settings}.items() if name != without}
    message = refusal(monkeypatch, **environment)
    assert message.startswith(f"{variable} has to be set: ")
    assert SECRET not in message


def test_secrets_may_be_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each named after its variable, as Docker and Kubernetes mount them; the environment wins."""
    (tmp_path / "TICKSTREAM_WEB_TOKEN").write_text(f"{SECRET}\n")
    (tmp_path / "TICKSTREAM_GRACE").write_text("7m\n")
    monkeypatch.setenv("TICKSTREAM_SECRETS_DIR", str(tmp_path))
    conf = Settings.load()
    assert conf.tokens == {SECRET: "read"}
    assert MarketSettings.load().grace == 420_000
    monkeypatch.setenv("TICKSTREAM_WEB_TOKEN", f"{SECRET}-newer")
    assert Settings.load().tokens == {f"{SECRET}-newer": "read"}
    gone = tmp_path / "gone"
    assert refusal(monkeypatch, TICKSTREAM_SECRETS_DIR=str(gone)) == (
        f"TICKSTREAM_SECRETS_DIR={gone}: there is no such directory"
    )


@pytest.mark.parametrize("variable", ["SSL_CAFILE", "SSL_CERTFILE"])
def test_a_certificate_that_cant_be_read_is_named(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason: not there, or no certificate."""
    file = tmp_path / "file.pem"
    monkeypatch.setenv(f"{KAFKA}SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv(f"{KAFKA}{variable}", str(file))
    for make, reason in (
        (lambda: None, "No such file or directory"),
        (lambda: file.write_text("nonsense"), "no certificate, or no key that fits, can be read"),
    ):
        make()
        for use in client_options, faust_credentials:
            with pytest.raises(SettingsError) as caught:
                use(Settings.load())
            assert str(caught.value).startswith(f"{KAFKA}{variable}={file}: {reason}")


def test_faust_and_our_clients_have_the_same_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither has any where none are set."""
    assert faust_credentials(Settings.load()) is None
    assert client_options(Settings.load())["security_protocol"] == "PLAINTEXT"
    for name, text in NAMED.items():
        monkeypatch.setenv(name, text)
    theirs, ours = faust_credentials(Settings.load()), client_options(Settings.load())
    assert theirs.protocol.value == ours["security_protocol"]
    assert theirs.mechanism.value == ours["sasl_mechanism"] == "SCRAM-SHA-512"
    assert theirs.password == ours["sasl_plain_password"] == SECRET
    assert SECRET not in repr(theirs) + repr(Settings.load())
