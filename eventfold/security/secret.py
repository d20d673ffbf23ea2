"""Secret settings, shown as three stars wherever settings are shown."""

from typing import Any

from pydantic import Field, SecretStr

#: Mark of a secret for `faust -A app settings` and the messages of invalid values.
MARK = {"secret": True}


def secret(description: str) -> Any:
    """Declare an optional setting, None by default, whose value is never shown."""
    return Field(None, description=description, json_schema_extra=dict(MARK))


def is_secret(extra: object) -> bool:
    """Return whether a field with this `json_schema_extra` holds a secret."""
    return isinstance(extra, dict) and bool(extra.get("secret"))


def is_for_workers(extra: object) -> bool:
    """Return whether a worker uses a field with this `json_schema_extra`: not `worker: False`."""
    return not isinstance(extra, dict) or bool(extra.get("worker", True))


def revealed(value: SecretStr | None) -> str:
    """Return the plain text of a secret; an empty string if it is not set."""
    return value.get_secret_value() if value else ""
