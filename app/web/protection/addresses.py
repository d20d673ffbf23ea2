"""Whom a request comes from: the address of its connection, or what a trusted proxy says."""

import ipaddress
from collections.abc import Iterable

from aiohttp import web

from app.security.web import WebSecurity

#: Of IPv6, one client has as many addresses as it likes within this.
_PREFIX = 64


def client_of(request: web.BaseRequest, conf: WebSecurity) -> str:
    """Give the client's address, of IPv6 its network; what limits are counted by.

    `X-Forwarded-For` is read from its end, as long as proxies we know have written it.
    """
    address = request.remote or ""
    if conf.web_proxies:
        said = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        for earlier in reversed([each.strip() for each in said if each.strip()]):
            if not _is_in(address, conf.web_proxies):
                break
            address = earlier
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


def _is_in(address: str, networks: Iterable[str]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(each) for each in networks)
