"""Whom a request comes from: the address of its connection, or what a trusted proxy says."""

import ipaddress
import logging
import re
from collections.abc import Iterable

from aiohttp import web

from eventfold.security.web import WebSecurity

#: Of IPv6, one client has as many addresses as it likes within this.
_PREFIX = 64

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+")

#: So many addresses that forward and are no proxies of ours are named: anybody may send headers.
NAMED = 3

_log = logging.getLogger(__name__)

#: Those that were named.
_undeclared: set[str] = set()


def client_of(request: web.BaseRequest, conf: WebSecurity) -> str:
    """Give the client's address, of IPv6 its network; what limits are counted by.

    `X-Forwarded-For` is read from its end, as long as proxies we know have written it.
    """
    address = request.remote or ""
    forwards = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    if forwards and not is_from_proxy(request, conf):
        _note_undeclared(address)
    if conf.web_proxies:
        said = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        for earlier in reversed([each.strip() for each in said if each.strip()]):
            if not _is_in(address, conf.web_proxies):
                break
            address = _without_port(earlier)
    return network_of(address)


def is_from_proxy(request: web.BaseRequest, conf: WebSecurity) -> bool:
    """Say whether one of our proxies sent this, so that what it says of the client is true."""
    return _is_in(request.remote or "", conf.web_proxies)


def network_of(address: str) -> str:
    """Give an address by which a client can be told from others."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]  # of a proxy that writes names, or nonsense
    if found.version == 6 and found.ipv4_mapped:
        return str(found.ipv4_mapped)
    if found.version == 6:
        return str(ipaddress.ip_network((found, _PREFIX), strict=False))
    return str(found)


def _without_port(address: str) -> str:
    """Return an address as some proxies write it, `192.0.2.1:4711` or `[::1]:4711`, alone."""
    with_port = _WITH_PORT.fullmatch(address)
    return (with_port[1] or with_port[2]) if with_port else address


def _note_undeclared(address: str) -> None:
    """Log once that this may be a proxy, whose clients count as one."""
    if len(_undeclared) < NAMED and address not in _undeclared:
        _undeclared.add(address)
        _log.warning(
            "%s forwards requests and is not in TICKSTREAM_WEB_PROXIES: all its clients count as "
            "one, so that ten wrong tokens lock them all out; name it there if it is your proxy",
            address,
        )


def _is_in(address: str, networks: Iterable[str]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(each) for each in networks)
