"""Preflight check of brokers: the reason of a refusal, which aiokafka reports as "no broker"."""

import asyncio
import ssl
from typing import Any

import stamina
from aiokafka import conn as _conn
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from eventfold.environment import APPLICATION
from eventfold.kafka.clients.connections import security_options
from eventfold.kafka.clients.oauth import TokenError
from eventfold.open_files import describe_limit, is_limit
from eventfold.settings import Settings

#: Seconds that one address may take to answer.
TIMEOUT = 10.0

#: aiokafka annotates none of it.
create_conn: Any = _conn.create_conn


class RefusedError(Exception):
    """Error of a client that a broker rejects; the message is one line with what to set."""


class HungUpError(RefusedError):
    """Error of a connection that the broker has closed without an answer."""


def describe_unreachable(conf: Settings) -> str:
    """Return one line that says that no broker answers, and the remedy."""
    return (
        f"no Kafka broker answers at BROKER_URL={conf.broker_url}: "
        f"start one with `faust -A {APPLICATION} broker`, or set BROKER_URL"
    )


async def demand_entry(conf: Settings) -> None:
    """Check that a broker accepts us. Raises RefusedError, or KafkaConnectionError without one."""
    refused: RefusedError | None = None
    for server in conf.bootstrap_servers:
        try:
            async with asyncio.timeout(TIMEOUT):
                await _enter(server, conf)
        except RefusedError as error:
            refused = refused or error
        except (OSError, TimeoutError) as error:
            if is_limit(error):
                raise RefusedError(describe_limit()) from error
        else:
            return
    raise refused or KafkaConnectionError(conf.broker_url)


# A broker that is stopping hangs up as well: one that refuses us does so each time.
@stamina.retry(on=HungUpError, attempts=4, wait_initial=0.25, wait_max=1.0)
async def _enter(server: str, conf: Settings) -> None:
    """Connect and send requests. Raises RefusedError, or OSError if nothing answers."""
    host, _, port = server.rpartition(":")
    await _reach(host.strip("[]"), int(port))
    try:
        connection = await create_conn(
            host.strip("[]"),
            int(port),
            request_timeout_ms=int(TIMEOUT * 1000),
            **security_options(conf),
        )
        try:
            # A broker that requires SASL cuts off a client without it at the first request. With
            # an invalid token, which aiokafka does not notice, it does so at the second.
            for _ in range(2):
                await connection.send(MetadataRequest([]))
        finally:
            connection.close()
    except (KafkaConnectionError, ConnectionError) as error:
        raise HungUpError(_why(server, conf, error)) from error
    except (KafkaError, ssl.SSLError) as error:
        raise RefusedError(_why(server, conf, error)) from error


async def _reach(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


def _why(server: str, conf: Settings, error: Exception) -> str:
    protocol = f"{conf.variable('kafka_security_protocol')}={conf.kafka_security_protocol}"
    match error:
        case TokenError():
            return str(error.args[0])  # `str(error)` begins with the name of the class
        case ssl.SSLCertVerificationError():
            why = (
                f"can't be trusted, {error.verify_message}: {conf.variable('kafka_ssl_cafile')} "
                "has to hold the certificate of who signed its own"
            )
        case UnsupportedSaslMechanismError():
            mechanism = conf.variable("kafka_sasl_mechanism")
            why = f"does not know {mechanism}={conf.kafka_sasl_mechanism}"
        case SaslAuthenticationFailed():
            why = (
                f"refuses user {conf.kafka_sasl_username!r} by {conf.kafka_sasl_mechanism}: wrong "
                f"{conf.variable('kafka_sasl_username')} or {conf.variable('kafka_sasl_password')}"
            )
        case _ if conf.kafka_named and conf.kafka_sasl_mechanism == "OAUTHBEARER":
            why = f"refuses our OAUTHBEARER token, or hangs up on us: {protocol}"
        case _:
            cause = f" ({error.__cause__})" if error.__cause__ else ""
            why = f"hangs up on us{cause}: {protocol}, what does it want?"
    return f"the broker at {server} {why}"
