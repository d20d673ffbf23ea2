"""Connectors: sources, which send records to topics, and sinks, which write topics elsewhere."""

#: Key, value and event time (ms): a record of any source.
Record = tuple[bytes, bytes, int]
