"""Live updates: `/api/events`, server-sent events of the output topics.

A worker consumes a watched topic once (`feed.py`) for any number of readers. Each reader has
a bounded buffer (`reader.py`) that drops the oldest events, so a slow reader costs its buffer and
nothing else.
"""
