"""Field types that many records share."""

from typing import Annotated

from msgspec import Meta

from eventfold.settings.limits import record_limits

_limits = record_limits()

#: Most characters of a `Name` and of a `Text`.
MAX_NAME, MAX_TEXT = _limits.max_name, _limits.max_text

#: Event times before this (3 March 1973, in ms) are seconds sent as milliseconds.
EARLIEST = 100_000_000_000

#: Event times after this (16 November 5138, in ms) are microseconds sent as milliseconds.
LATEST = 100_000_000_000_000

#: Bound of amounts and readings: a million of them add up to a number of 64 bits.
LARGEST = 10**12

#: Bound of sizes: a sum of a hundred million is still finite. A size above `HIGHEST` is read as a
#: float, even if it is written as an integer.
LARGEST_SIZE = 1e300

#: Bounds of integers: rows and columns hold 64 bits, while JSON has no bound.
LOWEST, HIGHEST = -(2**63), 2**63 - 1

Integer = Annotated[int, Meta(ge=LOWEST, le=HIGHEST)]
#: A count.
Natural = Annotated[int, Meta(ge=0, le=HIGHEST)]
EventTime = Annotated[int, Meta(ge=EARLIEST, le=HIGHEST)]
#: A key, id or name: short, because rows, caches and metrics hold thousands of them.
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
#: Free text.
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
#: Units traded: shares are whole, coins are not.
Size = Annotated[int, Meta(ge=0, le=HIGHEST)] | Annotated[float, Meta(ge=0, le=LARGEST_SIZE)]
