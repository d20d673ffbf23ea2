"""The error of an invalid definition."""


class DefinitionError(ValueError):
    """Invalid definition of a window, an aggregate or a table; its message is one line."""
