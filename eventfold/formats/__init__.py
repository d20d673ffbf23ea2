"""Avro: the wire format of schema registries, a client of one, and one of our own."""
