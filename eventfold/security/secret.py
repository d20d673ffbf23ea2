"""A setting whose value is nobody's business: shown as three stars wherever settings are shown."""

from typing import Any

from pydantic import Field, SecretStr

#: What `faust -A app settings` and the message of a bad value know it by.
MARK = {"secret": True}


def secret(alias: str, description: str) -> Any:
    """Declare a setting that is not set unless it is, and never shown."""
    return Field(None, alias=alias, description=description, json_schema_extra=dict(MARK))


def is_secret(extra: object) -> bool:
    """Say whether a field with this `json_schema_extra` holds a secret."""
    return isinstance(extra, dict) and bool(extra.get("secret"))


def revealed(value: SecretStr | None) -> str:
    """Give a secret itself; an empty text where it is not set."""
    return value.get_secret_value() if value else ""
