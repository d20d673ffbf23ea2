"""What keeps a replay from being made."""


class ReplayError(Exception):
    """History can't be replayed; the message is one line for the user."""
