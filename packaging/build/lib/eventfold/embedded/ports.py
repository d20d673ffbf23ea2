"""TCP ports of 127.0.0.1: check of a port, and choice of a free one."""

import random
import socket

from eventfold.embedded.errors import BrokerError

HOST = "127.0.0.1"
#: Below the range of outgoing connections, which might take a port between the check and the
#: broker's start.
CHOICE = range(20_000, 32_000)

#: Ports that `free` has returned to this process: reserved before anything listens.
_given: set[int] = set()


def demand(port: int, *, option: str = "--port") -> None:
    """Raise BrokerError if `port` can't be used; its message names `option` as the remedy."""
    reason = refusal(port)
    if reason:
        raise BrokerError(
            f"port {port} of {HOST} can't be used: {reason}; stop what uses it, "
            f"or choose another with {option}"
        )


def free() -> int:
    """Return a random free port, none twice in a process; two processes rarely get the same."""
    while True:
        port = random.choice(CHOICE)  # noqa: S311 - no secret
        if port not in _given and not refusal(port):
            _given.add(port)
            return port


def refusal(port: int) -> str | None:
    """Return why a server can't listen on `port`; None if it can."""
    return "something listens there already" if _answers(port) else _bind_error(port)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((HOST, port)) == 0


def _bind_error(port: int) -> str | None:
    with socket.socket() as server:
        # As Java does, so that old connections of a broker that has just stopped don't matter.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except (OSError, OverflowError) as error:
            return getattr(error, "strerror", None) or str(error)
    return None
