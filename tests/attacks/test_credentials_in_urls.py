"""User names, passwords and keys in the URLs of settings are never printed."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port

from app.market.settings import MarketSettings
from app.settings import Settings
from app.transactions.settings import TransactionSettings
from eventfold.answers import describe_failure
from eventfold.connectors.sink import Batch, SinkRecord
from eventfold.connectors.targets import TargetError, sink_into
from eventfold.connectors.webhook import WebhookSink
from eventfold.formats import client
from eventfold.formats.errors import RegistryError
from eventfold.security.urls import SecretUrl, masked
from eventfold.settings import SettingsError
from eventfold.topics import DEAD_LETTERS

FAUST = Path(sys.executable).with_name("faust")
#: In the environments below, and nowhere else.
SECRET = "hush-0123456789"  # noqa: S105  # it opens nothing
URLS = {
    "TICKSTREAM_SCHEMA_REGISTRY": f"https://ann:{SECRET}@registry.example/base?key={SECRET}",
    "TICKSTREAM_TRACES": f"http://ann:{SECRET}@collector.example:4318/?key={SECRET}",
    "TICKSTREAM_CHART_URL": f"https://ann:{SECRET}@chart.example/{{ticker}}?apikey={SECRET}",
    "TICKSTREAM_RULES_URL": f"postgresql://ann:{SECRET}@db.example/rules?password={SECRET}",
    "TICKSTREAM_KAFKA_OAUTH_TOKEN_URL": f"https://id.example/token?key={SECRET}",
}


@pytest.mark.parametrize("form", [[], ["--json"], ["--changed"]])
def test_settings_command_prints_urls_without_credentials(
    form: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Host and path stay visible, so that a user can check them."""
    for name, url in URLS.items():
        monkeypatch.setenv(name, url)
    monkeypatch.setenv("APP_DATADIR", str(tmp_path))
    done = subprocess.run(
        [FAUST, "-A", "app", "settings", *form],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert SECRET[:4] not in done.stdout + done.stderr
    assert "ann:" not in done.stdout
    if form == ["--json"]:
        for place in "registry.example", "collector.example:4318", "chart.example", "id.example":
            assert place in done.stdout


@pytest.mark.parametrize("variable", URLS)
@pytest.mark.parametrize(
    "broken",
    [
        "htps://ann:{}@host/?key={}",
        "ann:{}@host",
        "//host?key={}",
        "https://ann:{}/p?{}@host",
        "https://ann:{}@host:99999/{{ticker}}",
        "https://ann:{}@/{{ticker}}?{}",
    ],
)
def test_error_about_an_invalid_url_contains_no_secret(
    variable: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is one line that names the variable, whatever is wrong with the URL."""
    monkeypatch.setenv(variable, broken.format(SECRET, SECRET))
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    message = str(refused.value)
    assert message.startswith(f"{variable}=")
    assert SECRET not in message
    assert "ann" not in message


def test_repr_and_json_of_settings_contain_no_url_secret() -> None:
    """Nor does a text that a URL is formatted into by mistake."""
    library = ("SCHEMA_REGISTRY", "TRACES", "KAFKA_OAUTH_TOKEN_URL")
    conf = Settings(**{f"TICKSTREAM_{name}": URLS[f"TICKSTREAM_{name}"] for name in library})
    market = MarketSettings(TICKSTREAM_CHART_URL=URLS["TICKSTREAM_CHART_URL"])
    own = TransactionSettings(TICKSTREAM_RULES_URL=URLS["TICKSTREAM_RULES_URL"])
    urls = (
        conf.schema_registry,
        conf.traces,
        conf.kafka_oauth_token_url,
        market.chart_url,
        own.rules_url,
    )
    for url in urls:
        assert url is not None
        assert SECRET not in f"{url} {url!r} {url!s}"
        assert SECRET in url.full
    for each in conf, market, own:
        assert SECRET not in each.model_dump_json() + repr(each)


def test_every_url_setting_is_declared_as_a_secret_url() -> None:
    """A new one of plain text would be printed."""
    for name, declared in Settings.fields():
        pattern = next((m.pattern for m in declared.metadata if hasattr(m, "pattern")), "") or ""
        if name.endswith("_URL") or "://" in str(pattern):
            extra = declared.json_schema_extra
            assert name == "BROKER_URL" or (
                isinstance(extra, dict) and ("url" in extra or "secret" in extra)
            ), f"{name} has to be a SecretUrl, or a secret"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("off", "off"),
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
        ("https://a:b@host:1/path", "https://***@host:1/path"),
        ("https://host/path?a=b#c", "https://host/path?***"),
        ("https://host/path#c", "https://host/path#***"),
        ("https://a@host?b@c", "https://***"),
        ("a:b@host", "***@host"),
    ],
)
def test_masked_url_hides_user_query_and_fragment(url: str, shown: str) -> None:
    """In doubt, more of the URL is masked rather than less."""
    assert masked(url) == shown


@asynccontextmanager
async def answering(status: int) -> AsyncIterator[int]:
    """Run a server that answers each POST with a status; yield its port."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    application, port = web.Application(), unused_port()
    application.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield port
    finally:
        await runner.cleanup()


async def test_schema_registry_error_contains_no_credentials() -> None:
    """Aiohttp's own error text would contain the headers of the request."""
    async with answering(500) as port:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "_post", client._post.__wrapped__)
            url = SecretUrl(f"http://ann:{SECRET}@127.0.0.1:{port}/")
            with pytest.raises(RegistryError) as failed:
                await client.register(url, "ticks-value", "{}")
    assert "500" in str(failed.value)
    assert not any(text in str(failed.value) for text in (SECRET, "Basic", "ann"))


async def test_dead_letter_of_a_webhook_contains_no_credentials() -> None:
    """Its readers may be others than those who may post to the endpoint."""
    reasons: list[str] = []

    async def reject(_: SinkRecord, reason: str) -> None:
        reasons.append(reason)

    async with answering(422) as port:
        sink = WebhookSink(f"http://ann:{SECRET}@127.0.0.1:{port}/hook?key={SECRET}", {})
        try:
            await sink.open()
            await sink.write([Batch("t", 0, [SinkRecord("t", 0, 0, b"A", b"{}", 0)], 1)], reject)
        finally:
            await sink.close()
    assert reasons == [f"http://***@127.0.0.1:{port}/hook?*** answered 422 Unprocessable Entity"]


@pytest.mark.parametrize("broken", ["http://ann:{}@/hook", "http://ann:{}@host:99999/hook"])
async def test_invalid_url_of_a_webhook_is_rejected_without_its_password(broken: str) -> None:
    """At the start: its records would be posted again and again, with the URL in the log."""
    url = broken.format(SECRET)
    with pytest.raises(TargetError) as refused:
        sink_into(url, DEAD_LETTERS.of(Settings()))
    assert SECRET not in str(refused.value)
    async with ClientSession() as http:
        with pytest.raises(ValueError, match="ann") as failed:
            await http.post(url)
    assert SECRET not in describe_failure(failed.value)


@pytest.mark.parametrize(
    ("url", "waived", "starts"),
    [
        ("https://id.example/token", "", True),
        ("http://id.example/token", "", False),
        ("http://id.example/token", "true", True),
        ("http://127.0.0.1:8080/token", "", True),
        ("http://[::1]/token", "", True),
        ("http://localhost/token", "", True),
        ("http://localhost.example/token", "", False),
        ("http://10.0.0.1/token", "", False),
    ],
)
def test_client_secret_is_sent_over_plain_http_to_localhost_only(
    url: str, waived: str, monkeypatch: pytest.MonkeyPatch, *, starts: bool
) -> None:
    """Unless the setting that allows plain HTTP is on."""
    monkeypatch.setenv("TICKSTREAM_KAFKA_OAUTH_TOKEN_URL", url)
    monkeypatch.setenv("TICKSTREAM_KAFKA_OAUTH_ALLOW_HTTP", waived)
    if starts:
        Settings.load()
    else:
        with pytest.raises(SettingsError, match=r"TOKEN_URL=http://.*ALLOW_HTTP=true$"):
            Settings.load()
