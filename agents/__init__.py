"""Agents, one module per pipeline: in topic -> table -> out topic."""
