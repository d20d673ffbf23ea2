"""Wire format of server-sent events: one field a line, then an empty line (HTML, 9.2.6)."""

#: Replaces bytes that end a line or void an id. JSON has them between its tokens only, where a
#: blank means the same.
_BLANKS = bytes.maketrans(b"\r\n\0", b"   ")


def frame(name: str, data: bytes, *, last_id: str = "") -> bytes:
    r"""Return exactly one event with the JSON `data`, whatever bytes the arguments contain.

    >>> frame("surges", b'{"a":\r1}')
    b'event: surges\ndata: {"a": 1}\n\n'
    """
    fields = (b"id", last_id.encode()), (b"event", name.encode()), (b"data", data)
    lines = (b"%b: %b\n" % (field, text.translate(_BLANKS)) for field, text in fields if text)
    return b"".join(lines) + b"\n"
