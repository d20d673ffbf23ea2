"""Error of the embedded broker."""


class BrokerError(Exception):
    """Error of a broker that can't start or stopped by itself; one line for the user."""
