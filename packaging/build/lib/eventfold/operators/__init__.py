"""Operators: the processor protocol, and processors to build on: joins, the reorder buffer."""
