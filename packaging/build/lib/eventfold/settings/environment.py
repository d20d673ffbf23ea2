"""Environment: read settings from environment variables and files of secrets."""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from eventfold.security.secret import is_secret
from eventfold.security.urls import masked
from eventfold.settings.names import describe_unknown, unknown_names

#: Variable that names a directory with a file for each variable to keep out of the environment.
SECRETS_DIRECTORY = "TICKSTREAM_SECRETS_DIR"


class SettingsError(SystemExit):
    """Invalid setting; the message is the one line that the user sees."""


class Environment(BaseSettings):
    """Settings that are read from the environment; each field's alias is its variable."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    @classmethod
    def load(cls) -> Self:
        """Read the environment, and the files of TICKSTREAM_SECRETS_DIR for what is missing there.

        Raises SettingsError naming the first bad variable, and its value unless that is a secret.
        """
        try:
            return cls(_secrets_dir=secrets_directory())
        except ValidationError as error:
            first = error.errors()[0]
            reason = " ".join(first["msg"].removeprefix("Value error, ").split())
            if not first["loc"]:  # of several variables together
                raise SettingsError(reason) from None
            name = str(first["loc"][0])
            value = cls._shown(name, first["input"])
            raise SettingsError(f"{name}={value}: {reason}") from None

    @classmethod
    def variables(cls) -> set[str]:
        """Return the names of all settings."""
        return {field.alias for field in cls.model_fields.values() if field.alias}

    @classmethod
    def demand_known_names(cls) -> None:
        """Raise SettingsError for a misspelt name, whose setting would not be read."""
        known, secrets = {*cls.variables(), SECRETS_DIRECTORY}, secrets_directory()
        files = {file.name: "" for file in secrets.iterdir()} if secrets else {}
        for name in unknown_names({**files, **os.environ}, known):
            raise SettingsError(describe_unknown(name, known))

    @classmethod
    def forget_empty(cls) -> None:
        """Unset empty variables, as Compose leaves them: Faust would read them."""
        for name in cls.variables():
            if os.environ.get(name) == "":
                del os.environ[name]

    @classmethod
    def _shown(cls, variable: str, value: Any) -> str:
        """Format an invalid value without what is secret: a password, an address with one."""
        fields = cls.model_fields.values()
        extra = next((each.json_schema_extra for each in fields if each.alias == variable), None)
        hides_address = variable == "BROKER_URL" and "@" in os.environ.get(variable, "")
        if is_secret(extra) or hides_address:
            return "***"
        text = " ".join(str(value).split())
        return masked(text) if isinstance(extra, dict) and "url" in extra else text


def secrets_directory() -> Path | None:
    """Return the directory of secrets, a file per variable, as Docker and Kubernetes mount them.

    None if it is not set. Raises SettingsError if there is no such directory.
    """
    name = os.environ.get(SECRETS_DIRECTORY)
    if name and not Path(name).is_dir():
        raise SettingsError(f"{SECRETS_DIRECTORY}={name}: there is no such directory")
    return Path(name) if name else None
