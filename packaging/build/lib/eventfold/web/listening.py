"""Address of the web server: checked before the server starts, which is late."""

import errno
import socket

from eventfold.engine.errors import StartError
from eventfold.open_files import describe_os_error


def demand_address(host: str, port: int) -> None:
    """Raise StartError if the web server can't listen on its address.

    Checked early, because the server starts late, and other workers need it.
    """
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.bind(address)
                # Another program may have bound the address without listening yet.
                server.listen(1)
    except OSError as error:
        raise unusable_address(host, port, error) from error


def unusable_address(host: str, port: int, error: OSError) -> StartError:
    """Return the error for an address that the web server can't use, with the setting to change."""
    reason = describe_os_error(error)
    if error.errno in {errno.EADDRINUSE, errno.EACCES}:
        why = "another program uses it" if error.errno == errno.EADDRINUSE else reason
        return StartError(f"WEB_PORT={port} can't be used at {host}: {why}: set another WEB_PORT")
    return StartError(
        f"WEB_BIND={host} can't be used: {reason}: set an address of this machine, or 0.0.0.0 for "
        "all of them"
    )
