"""Options of all Kafka clients of this process (addresses, TLS, SASL), and how they close."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faust import auth

from eventfold.kafka.clients.oauth import token_provider
from eventfold.security.secret import revealed
from eventfold.settings import Settings, SettingsError

logger = logging.getLogger(__name__)


def client_options(conf: Settings) -> dict[str, Any]:
    """Return how an aiokafka client connects and authenticates. Raises SettingsError."""
    return {"bootstrap_servers": conf.bootstrap_servers, **security_options(conf)}


def security_options(conf: Settings) -> dict[str, Any]:
    """Return the same without addresses. Raises SettingsError as well."""
    options: dict[str, Any] = {"security_protocol": conf.kafka_security_protocol}
    if conf.kafka_encrypted:
        options["ssl_context"] = _tls(conf)
    if conf.kafka_named:
        options["sasl_mechanism"] = conf.kafka_sasl_mechanism
        if conf.kafka_sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = _tokens(conf)
        else:
            options["sasl_plain_username"] = conf.kafka_sasl_username
            options["sasl_plain_password"] = revealed(conf.kafka_sasl_password)
    return options


def faust_credentials(conf: Settings) -> Any:
    """Return the credentials for Faust's own clients, or None. Raises SettingsError as well."""
    context = _tls(conf) if conf.kafka_encrypted else None
    if not conf.kafka_named:
        return auth.SSLCredentials(context) if context else None
    if conf.kafka_sasl_mechanism == "OAUTHBEARER":
        return auth.OAuthCredentials(oauth_cb=_tokens(conf), ssl_context=context)
    return auth.SASLCredentials(
        username=conf.kafka_sasl_username,
        password=revealed(conf.kafka_sasl_password),
        ssl_context=context,
        mechanism=conf.kafka_sasl_mechanism,
    )


def connection_of(client: AIOKafkaConsumer | AIOKafkaProducer) -> Any:
    """Return the client below a consumer or producer, for requests that these have not."""
    return client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001


@asynccontextmanager
async def running(consumer: AIOKafkaConsumer) -> AsyncIterator[AIOKafkaConsumer]:
    """Start a consumer without a group and stop it on exit. Raises what `start` raises."""
    try:
        await consumer.start()
        yield consumer
    finally:
        await stop_consumer(consumer)


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer without a group completely, even if it has just started or failed to."""
    consumer._closed = True  # noqa: SLF001  # else it warns when it is collected
    for part in (consumer._coordinator, consumer._fetcher):  # noqa: SLF001
        if part is not None:  # as long as it could not be started
            with own_cancellation():
                await part.close()
    await consumer._client.close()  # noqa: SLF001


@contextmanager
def own_cancellation() -> Iterator[None]:
    """Suppress a CancelledError unless this task was cancelled, while a client closes."""
    # A closing client of aiokafka cancels its own tasks and awaits them. One that has not begun yet
    # raises CancelledError, and the task that closes the client would seem to be cancelled, too.
    before = cancel_requests()
    try:
        yield
    except asyncio.CancelledError:
        if cancel_requests() > before:
            raise


def cancel_requests() -> int:
    """Return the number of pending cancellation requests of the current asyncio task."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


# Cached: all clients share a token, and reading the system's certificates takes 20 ms.
_tokens = cache(token_provider)


@cache
def _tls(conf: Settings) -> ssl.SSLContext:
    name, path = conf.variable("kafka_ssl_cafile"), conf.kafka_ssl_cafile
    try:
        context = ssl.create_default_context(cafile=path)
        if conf.kafka_ssl_certfile:
            name = conf.variable("kafka_ssl_certfile")
            path = conf.kafka_ssl_certfile
            context.load_cert_chain(path, conf.kafka_ssl_keyfile, revealed(conf.kafka_ssl_password))
    except OSError as error:  # SSLError is one
        raise SettingsError(f"{name}={path}: {_reason(error)}") from None
    context.check_hostname = conf.kafka_ssl_check_hostname
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "no certificate, or no key that fits, can be read from it"
    return str(error.strerror or error)
