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
def test_hostile_text_raises_no_other_error_than_a_decode_error(kind: Any, number: int) -> None:
    """No text overflows the stack."""
    with suppress(msgspec.DecodeError):
        decode_json(TEXTS[number], kind)


@given(st.binary() | st.recursive(st.just(b"1"), lambda inner: inner.map(lambda x: b"[%b]" % x)))
def test_any_bytes_are_decoded_or_raise_a_decode_error(text: bytes) -> None:
    """The decoded value equals that of msgspec."""
    try:
        found = json_decoder(Any)(text)
    except msgspec.DecodeError:
        return
    assert msgspec.json.decode(text) == found
