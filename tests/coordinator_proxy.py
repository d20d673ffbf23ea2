"""Proxy between the workers and the broker: it freezes a coordinator for them.

One broker does everything here, so freezing its process would stop fetching too. The proxy forwards
bytes, and while it is frozen it holds each request to a transaction's coordinator, with all that
follows on the connection, as a coordinator that does not respond would.
"""

import asyncio
import threading
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from eventfold.embedded import ports
from eventfold.embedded.properties import Node

#: Requests of group members to their coordinator: JoinGroup, Heartbeat, LeaveGroup, SyncGroup.
MEMBERSHIP = {11, 12, 13, 14}

#: Fetch: records to be folded, and those of a changelog that is restored.
FETCH = {1}

#: InitProducerId, by which a task fences its former owner before it runs.
INIT_PRODUCER_ID = {22}

#: Requests to a transaction's coordinator by Kafka's API keys: InitProducerId, AddPartitionsToTxn,
#: AddOffsetsToTxn, EndTxn, TxnOffsetCommit.
TRANSACTIONAL = {22, 24, 25, 26, 28}

#: Bytes that are forwarded at once.
CHUNK = 1 << 16


@dataclass(frozen=True)
class FrontedNode(Node):
    """A broker that advertises another address for one of its own: that of a proxy."""

    front: str = ""

    def properties(self, logs: str, partition_bytes: int | None = None) -> str:
        """Return server.properties, which advertise the proxy in place of the further address."""
        lines = super().properties(logs, partition_bytes).splitlines()
        (behind,) = self.addresses
        return "\n".join(
            line.replace(behind, self.front) if line.startswith("advertised.listeners") else line
            for line in lines
        )


class CoordinatorProxy:
    """A proxy in a thread of its own; used in `with`. It can hold what is for a coordinator."""

    def __init__(self) -> None:
        #: API keys of the requests that it holds while it is frozen.
        self._held: Container[int] = ()
        self.address = f"{ports.HOST}:{ports.free()}"
        self._behind = f"{ports.HOST}:{ports.free()}"
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None

    def node(self) -> Node:
        """Return the broker to be put behind it."""
        return FrontedNode(ports.free(), (self._behind,), front=self.address)

    def freeze(self, held: Container[int] = frozenset(TRANSACTIONAL)) -> None:
        """Hold requests of some kinds from now on, and no others, whatever was held before.

        Those to the coordinator of transactions, where no kinds are named.
        """

        def hold() -> None:
            self._open.set()
            self._open, self._held = asyncio.Event(), held

        self._loop.call_soon_threadsafe(hold)

    def thaw(self) -> None:
        """Forward the held requests and all that follow."""
        self.freeze(())

    def refuse(self) -> None:
        """Take no more connections, as the port of a broker that is away."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._loop).result(10)

    def accept(self) -> None:
        """Take connections again."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        self.accept()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop_listening())
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> None:
        host, port = self.address.split(":")
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, host, int(port), limit=CHUNK)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._behind.split(":")
        # A broker that is away refuses: so does the proxy.
        with suppress(OSError):
            answers, requests = await asyncio.open_connection(host, int(port), limit=CHUNK)
            both = [
                asyncio.ensure_future(self._pass_requests(reader, requests)),
                asyncio.ensure_future(_pass_answers(answers, writer)),
            ]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)
                requests.transport.abort()
        writer.transport.abort()

    async def _pass_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            # Each request begins with its length and what it asks for.
            header = await reader.readexactly(6)
            left = int.from_bytes(header[:4]) - 2
            if int.from_bytes(header[4:]) in self._held:
                await self._open.wait()
            writer.write(header)
            while left:
                chunk = await reader.read(min(left, CHUNK))
                if not chunk:
                    return
                writer.write(chunk)
                left -= len(chunk)
            await writer.drain()


async def _pass_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
