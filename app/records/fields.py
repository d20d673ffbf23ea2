"""Types of fields that many records share."""

from typing import Annotated

from msgspec import Meta

#: Event times before this (3 March 1973, in ms) are seconds sent as milliseconds.
EARLIEST = 100_000_000_000

#: No price and no size is above this: a million of them add up to what 64 bits hold.
LARGEST = 10**12

EventTime = Annotated[int, Meta(ge=EARLIEST)]
Name = Annotated[str, Meta(min_length=1)]
