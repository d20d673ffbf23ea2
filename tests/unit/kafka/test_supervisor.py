"""Errors of the Kafka client: a known remedy is reported, or the client tries again."""

import asyncio

import pytest
from aiokafka.errors import (
    BrokerResponseError,
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
    UnknownError,
    for_code,
)

from app.settings import Settings
from eventfold.kafka.membership import (
    ClientEndedError,
    FencedInstanceIdError,
    GroupMaxSizeReachedError,
    demand_running,
    install,
)
from eventfold.worker.supervisor import find_remedy

CONF = Settings(TICKSTREAM_APP_ID="bank", BROKER_SESSION_TIMEOUT=4, CONSUMER_GROUP_INSTANCE_ID="w1")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InconsistentGroupProtocolError(), "another kind of consumer is in it"),
        (GroupAuthorizationFailedError("bank"), "grant READ on the group"),
        (KafkaError(repr(GroupMaxSizeReachedError())), "group.max.size"),
        (
            KafkaError(f"Unexpected exception: {FencedInstanceIdError()!r}"),
            "CONSUMER_GROUP_INSTANCE_ID=w1:",
        ),
        (KafkaError(repr(InvalidSessionTimeoutError())), "BROKER_SESSION_TIMEOUT=4:"),
    ],
)
def test_an_error_that_keeps_a_worker_out_of_its_group_has_a_remedy(
    error: KafkaError, words: str
) -> None:
    """Also if aiokafka raises another error that has its name in the text."""
    remedy = find_remedy(error, CONF)
    assert remedy is not None
    assert remedy.startswith("group bank: ")
    assert words in remedy
    assert remedy.splitlines() == [remedy]


@pytest.mark.parametrize(
    "error",
    [GroupLoadInProgressError(), KafkaError(repr(GroupLoadInProgressError())), UnknownError()],
)
def test_a_transient_error_does_not_stop_the_worker(error: KafkaError) -> None:
    """A coordinator that moves answers with an error or two that aiokafka does not expect."""
    assert find_remedy(error, CONF) is None


@pytest.mark.parametrize("error", [GroupMaxSizeReachedError, FencedInstanceIdError])
def test_error_codes_unknown_to_aiokafka_get_a_class(error: type[BrokerResponseError]) -> None:
    """Else all of them would be unknown errors, which count as transient."""
    install()
    assert for_code(error.errno) is error


async def test_a_failed_task_of_the_client_is_reported_with_its_cause() -> None:
    """A task that runs, has ended in order or was cancelled is not reported."""

    async def end(error: Exception | None) -> None:
        if error:
            raise KafkaError("Unexpected error during coordination") from error

    running = asyncio.ensure_future(asyncio.Event().wait())
    demand_running(running)
    running.cancel()
    ended = asyncio.ensure_future(end(None))
    failed = asyncio.ensure_future(end(AssertionError("no such member")))
    await asyncio.wait({running, ended, failed})
    demand_running(running)
    demand_running(ended)
    with pytest.raises(ClientEndedError, match="AssertionError: no such member"):
        demand_running(failed)
