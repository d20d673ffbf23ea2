"""What a test that asks for something impossible is told."""


class DriverError(Exception):
    """The driver was asked for something that can't be; the message says what to do."""
