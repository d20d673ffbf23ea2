"""Sources of records: producers for topics, and simulations that generate records."""

#: Key, value and event time (ms): a record of any source.
Record = tuple[bytes, bytes, int]
