"""Error of the test driver."""


class DriverError(Exception):
    """Error of an impossible request to the driver; the message has the remedy."""
