"""Keys as text: two different keys never have the same text, and equal ones always have."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import eventfold as ef
from eventfold.records.keys import key_parser, key_text


class Place(ef.Record):
    """A record with keys of each kind."""

    country: str
    number: int
    height: float


#: Of a record type, the fields of a key always have the same types.
KEYS = {
    "country": st.text(),
    "number": st.integers(-(2**63), 2**63 - 1),
    "height": st.floats(allow_nan=False, allow_infinity=False),
}
FIELDS = [("country",), ("number",), ("height",), ("country", "country"), tuple(KEYS)]


@given(st.sampled_from(FIELDS), st.data())
def test_two_keys_have_the_same_text_only_if_they_are_equal(
    fields: tuple[str, ...], data: st.DataObject
) -> None:
    """Also of several fields, whatever their texts contain."""
    keys = st.tuples(*(KEYS[name] for name in fields))
    one, other = data.draw(keys), data.draw(keys)
    assert (_text(one) == _text(other)) == (one == other)


@given(st.sampled_from(FIELDS), st.data())
def test_key_is_parsed_from_its_text(fields: tuple[str, ...], data: st.DataObject) -> None:
    """The values are those of the record."""
    key = data.draw(st.tuples(*(KEYS[name] for name in fields)))
    parse = key_parser(Place, fields[0] if len(fields) == 1 else fields)
    assert parse(_text(key)) == key


def test_texts_that_would_run_together_are_apart() -> None:
    """Separators in a text are no separators of the key."""
    assert key_text(("a,b", "c")) != key_text(("a", "b,c"))
    assert key_text(('a","b', "c")) != key_text(("a", 'b","c'))
    assert key_text(("1", 1)) == '["1",1]'


def test_topic_with_a_text_key_reads_it_as_it_is() -> None:
    """Its key costs no more than an attribute."""
    topic = ef.Topic("places", Place, key="country")
    assert topic.key_of(Place('["DE"]', 1, 0.5)) == '["DE"]'


def _text(key: tuple[Any, ...]) -> str:
    return key_text(key[0] if len(key) == 1 else key)
