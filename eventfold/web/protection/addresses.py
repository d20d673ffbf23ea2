"""Client address of a request: that of its connection, or the one a trusted proxy reports."""

import logging
import re
from collections.abc import Iterable
from ipaddress import ip_network

from aiohttp import web

from eventfold.addresses import read_address
from eventfold.environment import variable_of
from eventfold.security.web import WebSecurity
from eventfold.settings import Settings

#: The settings, in the web application.
CONF: web.AppKey[Settings] = web.AppKey("CONF", Settings)

#: Length of an IPv6 prefix within which all addresses count as one client.
_PREFIX = 64

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+")

#: Maximum number of undeclared proxies that are logged: any client can send such headers.
NAMED = 3

_log = logging.getLogger(__name__)

#: Undeclared proxies that were logged.
_undeclared: set[str] = set()


def client_of(request: web.BaseRequest, conf: WebSecurity) -> str:
    """Return the client's address (of IPv6 its network), by which limits are counted.

    `X-Forwarded-For` is read from its end, as far as declared proxies have written it.
    """
    address = request.remote or ""
    forwards = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    if forwards and not is_from_proxy(request, conf):
        _note_undeclared(address, conf)
    if conf.web_proxies:
        addresses = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        for earlier in reversed([each.strip() for each in addresses if each.strip()]):
            if not _is_in(address, conf.web_proxies):
                break
            address = _without_port(earlier)
    return network_of(address)


def is_from_proxy(request: web.BaseRequest, conf: WebSecurity) -> bool:
    """Return whether a declared proxy sent the request, so that its forwarding headers are true."""
    return _is_in(request.remote or "", conf.web_proxies)


def network_of(address: str) -> str:
    """Return the IPv4 address or IPv6 network of a client, or other text cut at 64."""
    found = read_address(address)
    if found is None:
        return address[:64]  # from a proxy that writes names, or malformed
    if found.version == 6 and found.ipv4_mapped:
        return str(found.ipv4_mapped)
    if found.version == 6:
        return str(ip_network((found, _PREFIX), strict=False))
    return str(found)


def _without_port(address: str) -> str:
    """Strip the port that some proxies write: `192.0.2.1:4711`, `[::1]:4711`."""
    with_port = _WITH_PORT.fullmatch(address)
    return (with_port[1] or with_port[2]) if with_port else address


def _note_undeclared(address: str, conf: WebSecurity) -> None:
    """Log once that an address may be an undeclared proxy, whose clients count as one."""
    if len(_undeclared) < NAMED and address not in _undeclared:
        _undeclared.add(address)
        _log.warning(
            "%s forwards requests and is not in %s: all its clients count as one, so that ten "
            "wrong tokens lock them all out; name it there if it is your proxy",
            address,
            variable_of(type(conf), "web_proxies"),
        )


def _is_in(address: str, networks: Iterable[str]) -> bool:
    found = read_address(address)
    return found is not None and any(found in ip_network(each) for each in networks)
