"""Eventfold: fold the events of Kafka topics into windows, exactly once.

The application in `app/` is built on this library, which imports nothing of `app`, `agents` or
`tables` and is a wheel of its own (`pip wheel ./packaging`).
`eventfold.windows` and `eventfold.aggregates` are pure event-time mathematics and load neither
Faust nor a Kafka client. Everything else is internal so far.

Example:
    >>> from eventfold.windows import hopping, parse_window
    >>> str(hopping(15 * 60_000, 60_000))
    '15m/1m'
    >>> parse_window("5m").size
    300000
"""

__version__ = "0.1.0"
