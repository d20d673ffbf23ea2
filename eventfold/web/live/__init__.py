"""What changes, told while it happens: `/api/events`, server-sent events of the output topics.

A topic that somebody watches is read once by a worker (`feed.py`), whatever the number of
readers; each reader has a bounded buffer (`reader.py`) in which the newest wins, so the slowest
of them costs its buffer and nothing else.
"""
