"""Parsers of addresses: those of BROKER_URL, WEB_BIND and WEB_HOST, and of clients."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

#: Kafka's default port, used if an address has none.
BROKER_PORT = 9092

_SCHEME = "kafka://"
_SEPARATORS = re.compile(r"[;,]")
_HOST = re.compile(r"[^\s/@:\[\]%?#]+")


def parse_brokers(text: str) -> list[str]:
    """Parse a list of brokers, separated by commas or semicolons, into `host:port` each.

    Raises ValueError, naming the invalid part, if one is not a broker's address or there is none.

    >>> parse_brokers("kafka://a:9093,b,[::1]")
    ['a:9093', 'b:9092', '[::1]:9092']
    """
    parts = filter(None, map(str.strip, _SEPARATORS.split(text)))
    brokers = [_parse_broker(part) for part in parts]
    if not brokers:
        raise ValueError("names no broker: write HOST:PORT, several separated by commas")
    return brokers


def parse_host(text: str) -> str:
    """Return a host as the socket API expects it, without brackets. Raises ValueError."""
    host = text.strip()
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if is_ipv6(bare):
        return bare
    if not _HOST.fullmatch(host):
        raise ValueError("is no host: write a name or an address alone, the port is WEB_PORT")
    return host


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a text is; None for any other text."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_ipv6(text: str) -> bool:
    """Return whether a text is an IPv6 address without brackets."""
    return isinstance(read_address(text), IPv6Address)


def _parse_broker(part: str) -> str:
    address = part.removeprefix(_SCHEME).removesuffix("/")
    if "://" in address:
        raise ValueError(f"{part!r} is no Kafka broker: its scheme is {_SCHEME}, or none")
    if is_ipv6(address):
        return f"[{address}]:{BROKER_PORT}"
    bracketed = re.fullmatch(r"\[(.*)\](?::(.*))?", address)
    host, port = bracketed.groups() if bracketed else _split(address)
    if not (is_ipv6(host) if bracketed else _HOST.fullmatch(host)):
        raise ValueError(f"{part!r} is no broker: write HOST:PORT, or [ADDRESS]:PORT for IPv6")
    number = str(BROKER_PORT) if port is None else port
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 1 << 16):
        raise ValueError(f"{part!r} has no port from 1 to 65535 behind its colon")
    return f"[{host}]:{int(number)}" if bracketed else f"{host}:{int(number)}"


def _split(address: str) -> tuple[str, str | None]:
    host, colon, port = address.partition(":")
    return host, port if colon else None
