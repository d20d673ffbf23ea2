"""Decoding of anything from outside ends well or in one kind of error."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.market.records import Tick
from app.transactions.records import Rule
from eventfold.decoding import decode_json, json_decoder
from eventfold.records import SchemaVersion

#: Nested beyond any stack.
DEEP = 100_000

TEXTS = [
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"[" * DEEP + b"]" * DEEP,
    b'{"id": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    b'"\xff"',
    b'{"symbol": "\xfe\xff"}',
    b'"\\ud800"',
    b"9" * 5_000,
    b"1e999",
    b"",
    b"null",
    b"\0",
]
KINDS = [Any, dict[str, Any], list[Any], msgspec.Raw, str, Tick, Rule, SchemaVersion]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_hostile_text_is_refused_by_one_kind_of_error(kind: Any, number: int) -> None:
    """None of them overruns the stack, or ends whoever reads them by another error."""
    with suppress(msgspec.DecodeError):
        decode_json(TEXTS[number], kind)


@given(st.binary() | st.recursive(st.just(b"1"), lambda inner: inner.map(lambda x: b"[%b]" % x)))
def test_any_bytes_are_decoded_or_refused_by_one_kind_of_error(text: bytes) -> None:
    """As what msgspec makes of them, where it makes something of them."""
    try:
        found = json_decoder(Any)(text)
    except msgspec.DecodeError:
        return
    assert msgspec.json.decode(text) == found
