"""Environment: read settings from environment variables and files of secrets."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from eventfold.security.secret import is_secret
from eventfold.security.urls import masked

#: Variables that Kubernetes sets for each service of a namespace, such as a service `eventfold`.
_OF_KUBERNETES = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")

#: What `-A` names on this command line, for the commands that messages propose.
APPLICATION = next(
    (name for option, name in pairwise(sys.argv) if option in {"-A", "--app"}), "MODULE"
)


class SettingsError(SystemExit):
    """Invalid setting; the message is the one line that the user sees."""


def prefixed(prefix: str) -> SettingsConfigDict:
    """Return the `model_config` of settings whose variables begin with `prefix`.

    It also counts for inherited fields, but not for those with an alias of their own.
    """
    return SettingsConfigDict(
        env_prefix=prefix, alias_generator=lambda field: f"{prefix}{field.upper()}"
    )


def variable_of(kind: type[BaseModel], field: str) -> str:
    """Return the variable of a field of settings. Raises KeyError if there is no such field."""
    return str(kind.model_fields[field].alias)


class Environment(BaseSettings):
    """Settings that are read from the environment; each field's alias is its variable.

    It is the name of the field in capitals after a prefix, which a subclass chooses:

    >>> class Limits(Environment):
    ...     model_config = prefixed("SHOP_")
    ...     max_orders: int = 5
    >>> Limits.variable("max_orders"), Limits(SHOP_MAX_ORDERS=7).max_orders
    ('SHOP_MAX_ORDERS', 7)
    """

    model_config = SettingsConfigDict(
        **prefixed("EVENTFOLD_"), frozen=True, extra="forbid", env_ignore_empty=True
    )

    @classmethod
    def load(cls) -> Self:
        """Read the environment, and the directory of secrets for what is missing there.

        Raises SettingsError naming the first bad variable, and its value unless that is a secret.
        """
        try:
            return cls(_secrets_dir=cls._secrets_directory())
        except ValidationError as error:
            first = error.errors()[0]
            reason = " ".join(first["msg"].removeprefix("Value error, ").split())
            if not first["loc"]:  # of several variables together
                raise SettingsError(reason) from None
            name = str(first["loc"][0])
            value = cls._shown(name, first["input"])
            raise SettingsError(f"{name}={value}: {reason}") from None

    @classmethod
    def prefix(cls) -> str:
        """Return what the names of all variables begin with that are not Faust's own."""
        return cls.model_config["env_prefix"]

    @classmethod
    def variable(cls, field: str) -> str:
        """Return the variable of a field. Raises KeyError if there is no such field."""
        return variable_of(cls, field)

    @classmethod
    def variables(cls) -> set[str]:
        """Return the variables of all fields."""
        return {name for name, _ in cls.fields()}

    @classmethod
    def fields(cls) -> Iterator[tuple[str, FieldInfo]]:
        """Yield the variable and the field of each setting."""
        for name, field in cls.model_fields.items():
            yield field.alias or name, field

    @classmethod
    def secrets_variable(cls) -> str:
        """Return the variable that names a directory with a file for each variable to hide."""
        return f"{cls.prefix()}SECRETS_DIR"

    @classmethod
    def demand_known_names(cls) -> None:
        """Raise SettingsError for a misspelt name, whose setting would not be read."""
        known, secrets = {*cls.variables(), cls.secrets_variable()}, cls._secrets_directory()
        files = {file.name: "" for file in secrets.iterdir()} if secrets else {}
        for name in _unknown_names({**files, **os.environ}, known, cls.prefix()):
            raise SettingsError(_describe_unknown(name, known, cls.prefix()))

    @classmethod
    def forget_empty(cls) -> None:
        """Unset empty variables, as Compose leaves them: Faust would read them."""
        for name in cls.variables():
            if os.environ.get(name) == "":
                del os.environ[name]

    @classmethod
    def _secrets_directory(cls) -> Path | None:
        """Return the directory of secrets, a file a variable, if set. Raises SettingsError."""
        name = os.environ.get(cls.secrets_variable())
        if name and not Path(name).is_dir():
            raise SettingsError(f"{cls.secrets_variable()}={name}: there is no such directory")
        return Path(name) if name else None

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


def _unknown_names(environment: Mapping[str, str], known: set[str], prefix: str) -> list[str]:
    """Return the names with our prefix that are no settings, sorted, without Kubernetes' own."""
    return sorted(
        name
        for name, value in environment.items()
        if name.upper().startswith(prefix)
        and name.upper() not in known
        and not _is_of_kubernetes(name, value)
    )


def _describe_unknown(name: str, known: Iterable[str], prefix: str) -> str:
    """Describe a name that is no setting in one line, with the most similar setting."""
    # Without the prefix, which would make all names similar.
    by_ending = {each.removeprefix(prefix): each for each in known}
    nearest = get_close_matches(name.upper().removeprefix(prefix), by_ending, n=1)
    remedy = f"did you mean {by_ending[nearest[0]]}?" if nearest else "unset it"
    return f"{name} is no setting: {remedy} (`faust -A {APPLICATION} settings` lists all)"


def _is_of_kubernetes(name: str, value: str) -> bool:
    if name.endswith("_PORT") and _ADDRESS.match(value):
        return True
    return bool(_OF_KUBERNETES.fullmatch(name))
