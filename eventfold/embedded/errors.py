"""What can go wrong with the embedded broker, each as one line a person can act on."""


class BrokerError(Exception):
    """The embedded broker can't start, or stopped by itself; the message is one line."""
