"""Avro: the wire format of schema registries, a registry client, and a registry."""
