"""How an event is written on the stream: a field a line, then an empty one (HTML, 9.2.6)."""

#: What ends a line there, or makes an id void. JSON has them between its tokens alone, where a
#: blank is the same.
_BLANKS = bytes.maketrans(b"\r\n\0", b"   ")


def frame(name: str, data: bytes, *, last_id: str = "") -> bytes:
    r"""Return one event, of JSON `data`, and nothing but that, whatever is in them.

    >>> frame("surges", b'{"a":\r1}')
    b'event: surges\ndata: {"a": 1}\n\n'
    """
    fields = (b"id", last_id.encode()), (b"event", name.encode()), (b"data", data)
    lines = (b"%b: %b\n" % (field, text.translate(_BLANKS)) for field, text in fields if text)
    return b"".join(lines) + b"\n"
