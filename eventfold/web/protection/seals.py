"""Short texts that only who has the key can have written (HMAC-SHA256)."""

import hmac
from hashlib import sha256


def seal(key: bytes, *parts: str) -> str:
    """Give what proves that we know the key, for these parts alone."""
    # Each with its length: no two lists of parts are the same text.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(key, _bytes(text), sha256).hexdigest()


def holds(key: bytes, proof: str, *parts: str) -> bool:
    """Say whether `proof` is the seal of these parts."""
    return same(proof, seal(key, *parts))


def same(given: str, known: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    return hmac.compare_digest(_digest(given), _digest(known))


def _digest(text: str) -> bytes:
    # Of the same length, whatever was given.
    return sha256(_bytes(text)).digest()


def _bytes(text: str) -> bytes:
    # What was given may be no text at all.
    return text.encode(errors="surrogateescape")
