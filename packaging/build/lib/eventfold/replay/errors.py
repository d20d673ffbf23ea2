"""Error of a replay."""


class ReplayError(Exception):
    """Error of a replay that is impossible; the message is one line for the user."""
