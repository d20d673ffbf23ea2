"""Requests that no client sends by mistake, generated from the routes and the source code."""

import ast
import base64
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from aiohttp import web
from hypothesis import strategies as st

import eventfold
from app.use_case import use_cases
from eventfold.web.api import ROUTES
from eventfold.web.routes import versioned

#: Texts that parsers are known to stumble over.
SPECIMENS = [
    *(b"", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xc2\xb2", b"\xd9\xa3", b"\xef\xbc\x91"),
    *(b"%", b"%FF", b"%ED%A0%80", b"%00", b"%0d%0a", b"%25" * 1_000, b"\x7f", b"\x01"),
    *(b"9" * 5_000, b"9" * 20, b"9" * 19, b"0", b"-1", b"+1", b"1_0", b"1e5"),
    *(b"nan", b"null", b"1d", b"5m/1m", b"AAA", b"A%2FB", b"a" * 5_000),
    *(b"candles", b"days", b"click-through", b"verdicts", b"candles:%FF:1m"),
    *(b"candles:AAA:\xc2\xb2m", b"http://[::1", b"http://", b"//[", b"[::1", b"[", b"]", b"::"),
    *(b"[v1.x]:y", b":", b";=,", b'"', b"'", b"\\", b"/", b"..", b"*", b'W/"x', b"bytes=9-"),
    *(b"gzip;q=\xff", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80"),
]  # fmt: skip

#: Headers that aiohttp itself reads, in its parser and its file responses.
_READ_BY_AIOHTTP = {
    *("host", "cookie", "content-type", "content-length", "transfer-encoding", "connection"),
    *("expect", "upgrade", "accept-encoding", "if-none-match", "if-match", "if-modified-since"),
    *("if-unmodified-since", "range", "if-range", "traceparent", "tracestate", "content-encoding"),
}


class Place(NamedTuple):
    """A route: its method, its path with `{names}`, the names of the parameters it reads."""

    method: str
    path: str
    parameters: tuple[str, ...]


def places(application: web.Application) -> list[Place]:
    """Return all routes of an application, including those of Faust and of the registry."""
    described = {
        route.path: tuple(p.name for p in route.parameters if p.place == "query")
        for route in versioned((*ROUTES, *(route for each in use_cases() for route in each.routes)))
    }
    found = [
        Place(method, path, described.get(path, ()) + _undescribed_parameters(path))
        for route in application.router.routes()
        for path in [route.resource.canonical if route.resource else "/nowhere"]
        for method in (["GET", "PUT"] if route.method == "*" else [route.method])
    ]
    return [*found, Place("OPTIONS", "/api/tables", ()), Place("XYZZY", "/api/tables", ())]


def _undescribed_parameters(path: str) -> tuple[str, ...]:
    """Return the parameters of handlers that the API does not describe."""
    if path.startswith("/registry/"):
        return "permanent", "verbose", "defaultToGlobal"
    return ("next",) if path == "/login" else ()


@cache
def headers_read() -> list[str]:
    """Return the headers that the code of the web server reads, found in its source."""
    root = Path(eventfold.__file__).parent
    found = set(_READ_BY_AIOHTTP)
    for file in sorted((root / "web").rglob("*.py")):
        name = ".".join(file.relative_to(root.parent).with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        found |= set(_read_by(ast.parse(file.read_text(encoding="utf-8")), module))
    return sorted(found)


def _read_by(tree: ast.AST, module: ModuleType) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(func=ast.Attribute(value=of, attr="get" | "getall"), args=[name, *_])
                | ast.Compare(left=name, comparators=[of])
                | ast.Subscript(value=of, slice=name)
            ) if ast.unparse(of).endswith("request.headers"):
                source = ast.unparse(name)
                yield str(eval(source, vars(module))).lower()  # noqa: S307  # our own source


def requests(known: list[Place], auth_header: bytes, cookie: str) -> st.SearchStrategy[bytes]:
    """Make requests of these routes; most carry `auth_header`, header lines that end in CRLF."""
    hostile = st.one_of(
        st.sampled_from(SPECIMENS),
        st.binary(max_size=12),
        st.lists(st.sampled_from(SPECIMENS), min_size=2, max_size=3).map(b"".join),
    )
    headers = st.lists(
        st.tuples(st.sampled_from(headers_read()), hostile.flatmap(_in_context(cookie))), max_size=3
    )
    return st.builds(
        _request,
        st.sampled_from(known),
        st.lists(hostile, min_size=3, max_size=3),
        st.lists(st.tuples(st.integers(0, 20), hostile), max_size=3),
        headers,
        st.sampled_from([auth_header, auth_header, b""]),
        st.integers(0, 1 << 32),
        escaped=st.booleans(),
    )


def _in_context(cookie: str):  # a function of the hostile text
    """Return strategies that put the text where a parser expects something."""

    def wrap(text: bytes) -> st.SearchStrategy[bytes]:
        encoded = base64.b64encode(text)
        name = cookie.encode()
        return st.sampled_from(
            [
                text, text, b"1," + text + b",2", text + b"." + text, b"Bearer " + text,
                b"Basic " + text, b"Basic " + encoded, name + b"=" + text,
                name + b"=admin." + text + b".x", name + b"=admin.1." + text,
                b"1." + text, b"candles:" + text + b".1," + text, b"http://" + text,
                text + b":80", b"text/plain;version=" + text,
                b"application/openmetrics-text;version=" + text,
                b"127.0.0.1:" + text, b"application/x-www-form-urlencoded;" + text,
            ]
        )  # fmt: skip

    return wrap


def _request(  # noqa: PLR0917  # hypothesis passes these by position
    place: Place,
    parts: list[bytes],
    query: list[tuple[int, bytes]],
    headers: list[tuple[str, bytes]],
    auth_header: bytes,
    client: int,
    *,
    escaped: bool,
) -> bytes:
    segments = iter(parts)
    path = re.sub(
        rb"{[^}]*}", lambda _: _as_path_part(next(segments), escaped), place.path.encode()
    )
    names = [*place.parameters, "unknown"]
    pairs = b"&".join(
        names[number % len(names)].encode() + b"=" + _as_path_part(value, escaped)
        for number, value in query
    )
    head = place.method.encode() + b" " + path + b"?" * bool(pairs) + pairs + b" HTTP/1.1\r\n"
    lines = {"host": b"127.0.0.1", "x-forwarded-for": b"10.%d" % client, **dict(headers)}
    if "authorization" in lines:
        auth_header = b""
    body = b"" if place.method == "GET" else b"content-length: 2\r\n"
    return (
        head
        + b"".join(k.encode() + b": " + _one_line(v) + b"\r\n" for k, v in lines.items())
        + auth_header
        + (b"" if "content-length" in lines else body)
        + b"connection: close\r\n\r\n"
        + (b"{}" if body else b"")
    )


def _as_path_part(text: bytes, escaped: bool) -> bytes:
    """Return a text as a part of a path: each byte escaped, or as it is without delimiters."""
    if escaped:
        return b"".join(b"%%%02X" % byte for byte in text)
    return re.sub(rb"[\x00-\x20#?]", b"", text)


def _one_line(text: bytes) -> bytes:
    return re.sub(rb"[\r\n\0]", b"", text)[:8_000]
