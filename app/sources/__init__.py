"""Where records come from: a chart API, a file, a simulated market; each into one topic."""

#: Key, value, event time in ms: what every source gives.
Record = tuple[bytes, bytes, int]
