"""Sources of records: senders to topics, and the simulations that produce records."""

#: Key, value and event time (ms): a record of any source.
Record = tuple[bytes, bytes, int]
