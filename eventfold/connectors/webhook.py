"""Sink that posts each record to an HTTP endpoint."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

import aiohttp
import stamina

from eventfold.answers import describe_failure, read_answer
from eventfold.connectors.sink import Batch, Reject, Sink, SinkRecord
from eventfold.retry_after import retry_after
from eventfold.security.urls import masked

log = logging.getLogger(__name__)

#: Requests at a time, each of another key.
CONCURRENCY = 16
#: Seconds for an answer, and the longest between two attempts.
TIMEOUT = 30.0
LONGEST_WAIT = 60.0

#: Statuses of 4xx that do not judge the record: who asks, or how often.
_NOT_THE_RECORD = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


class WebhookSink(Sink):
    """Sink that posts the value of each record to `url`, those of a key in their order.

    The header `Idempotency-Key` is the record's place, so the endpoint can drop what it has
    already: after a crash the last write is repeated. A record is rejected where the answer is 4xx
    on its account; anything else but 2xx is asked again, for ever, with longer and longer waits, or
    after the seconds that `Retry-After` demands.
    """

    max_records = 500

    def __init__(
        self, url: str, headers: Mapping[str, str], content_type: str = "application/json"
    ) -> None:
        self._url = url
        self._headers = {"Content-Type": content_type, **headers}
        self._session: aiohttp.ClientSession
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def open(self) -> None:
        """Create the client."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)

    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Post the records of all batches."""
        by_key = defaultdict(list)
        for batch in batches:
            for record in batch.records:
                by_key[batch.partition, record.key].append(record)
        try:
            async with asyncio.TaskGroup() as group:
                for records in by_key.values():
                    group.create_task(self._post_all(records, reject))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _post_all(self, records: Iterable[SinkRecord], reject: Reject) -> None:
        async with self._slots:
            for record in records:
                try:
                    await self._post(record)
                except _RejectedError as error:
                    await reject(record, str(error))

    async def _post(self, record: SinkRecord) -> None:
        """Post a record until it is accepted. Raises _RejectedError if it never will be."""
        async for attempt in stamina.retry_context(
            on=_wait, attempts=None, timeout=None, wait_initial=0.2, wait_max=LONGEST_WAIT
        ):
            with attempt:
                try:
                    await self._post_once(record)
                except (aiohttp.ClientError, TimeoutError) as error:
                    raise _AgainError(describe_failure(error)) from error

    async def _post_once(self, record: SinkRecord) -> None:
        async with self._session.post(
            self._url,
            data=record.value or b"",
            headers={"Idempotency-Key": record.place},
            allow_redirects=False,  # a redirected POST may become a GET
        ) as response:
            await read_answer(response)
            status = response.status
            answer = f"{status} {response.reason}"
            if status < HTTPStatus.MULTIPLE_CHOICES:
                return
            is_of_client = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
            if is_of_client and status not in _NOT_THE_RECORD:
                raise _RejectedError(f"{masked(self._url)} answered {answer}")
            raise _AgainError(answer, retry_after(response.headers.get("Retry-After", "")))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


class _RejectedError(Exception):
    """The endpoint will never accept the record."""


class _AgainError(Exception):
    """The endpoint may accept the record later, after `seconds` if it named them."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


def _wait(error: Exception) -> bool | float:
    if not isinstance(error, _AgainError):
        return False
    log.warning("webhook: %s; asking again", error)
    return True if error.seconds is None else min(error.seconds, 10 * LONGEST_WAIT)
