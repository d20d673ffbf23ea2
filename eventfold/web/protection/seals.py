"""Seals: message authentication codes of texts (HMAC-SHA256)."""

import hmac
from hashlib import sha256


def seal(key: bytes, *parts: str) -> str:
    """Return the seal of these parts under `key`, in hexadecimal digits."""
    # Each part with its length, so that two lists of parts never have the same text.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(key, _bytes(text), sha256).hexdigest()


def holds(key: bytes, proof: str, *parts: str) -> bool:
    """Return whether `proof` is the seal of these parts under `key`, in constant time."""
    return are_equal(proof, seal(key, *parts))


def are_equal(left: str, right: str) -> bool:
    """Return whether two texts are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(_digest(left), _digest(right))


def _digest(text: str) -> bytes:
    # Digests have the same length, whatever the text.
    return sha256(_bytes(text)).digest()


def _bytes(text: str) -> bytes:
    # The text may contain surrogates, from bytes that are not UTF-8.
    return text.encode(errors="surrogateescape")
