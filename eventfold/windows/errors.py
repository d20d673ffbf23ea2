"""What a definition that can't be right raises."""


class DefinitionError(ValueError):
    """A window or a table that can't be right as it is declared; one line says why."""
