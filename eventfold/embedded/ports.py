"""TCP ports of 127.0.0.1: whether one is taken, and one that is free."""

import random
import socket

from eventfold.embedded.errors import BrokerError

HOST = "127.0.0.1"
#: Below what kernels give to outgoing connections, which would take a port between our look
#: and the broker's start.
CHOICE = range(20_000, 32_000)

#: What this process was given: it may be taken, though nothing listens there for a while.
_given: set[int] = set()


def demand(port: int, *, option: str = "--port") -> None:
    """Raise BrokerError if `port` can't be used; `option` is what chooses another one."""
    reason = refusal(port)
    if reason:
        raise BrokerError(
            f"port {port} of {HOST} can't be used: {reason}; stop what uses it, "
            f"or choose another with {option}"
        )


def free() -> int:
    """Give a port that nothing uses. A process gets none twice; two hardly get the same."""
    while True:
        port = random.choice(CHOICE)  # noqa: S311 - no secret
        if port not in _given and not refusal(port):
            _given.add(port)
            return port


def refusal(port: int) -> str | None:
    """Say why `port` can't be listened on; None if it can."""
    return "something listens there already" if _answers(port) else _bind_error(port)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((HOST, port)) == 0


def _bind_error(port: int) -> str | None:
    with socket.socket() as server:
        # As Java does, so that connections of a broker just stopped are no obstacle.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except (OSError, OverflowError) as error:
            return getattr(error, "strerror", None) or str(error)
    return None
