"""Types of fields that many records share."""

from typing import Annotated

from msgspec import Meta

from app.settings import settings

_conf = settings()

#: Characters of a `Name` and of a `Text`.
MAX_NAME, MAX_TEXT = _conf.max_name, _conf.max_text

#: Event times before this (3 March 1973, in ms) are seconds sent as milliseconds.
EARLIEST = 100_000_000_000

#: Event times after this (16 November 5138, in ms) are microseconds sent as milliseconds.
LATEST = 100_000_000_000_000

#: No amount and no reading is above this: a million of them add up to what 64 bits hold.
LARGEST = 10**12

#: No size is above this: sums of a hundred million of them are still finite. As an integer none is
#: above `HIGHEST`; what is, is read as a float.
LARGEST_SIZE = 1e300

#: Integers are bounded by what rows and columns hold, 64 bits: JSON has no such bound.
LOWEST, HIGHEST = -(2**63), 2**63 - 1

Integer = Annotated[int, Meta(ge=LOWEST, le=HIGHEST)]
#: A number of something.
Natural = Annotated[int, Meta(ge=0, le=HIGHEST)]
EventTime = Annotated[int, Meta(ge=EARLIEST, le=HIGHEST)]
#: What rows, caches and metrics hold by the thousand, so it is short: keys, ids, names.
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
#: What else may be written about something.
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
#: Units traded: shares are whole, coins are not.
Size = Annotated[int, Meta(ge=0, le=HIGHEST)] | Annotated[float, Meta(ge=0, le=LARGEST_SIZE)]
