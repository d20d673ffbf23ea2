"""Settings of the application: the library's, and its own; each use case has a class of its own."""

from collections.abc import Iterator
from functools import cache
from typing import Self

from pydantic import Field
from pydantic.fields import FieldInfo

from app.use_case import use_cases
from eventfold import settings as library
from eventfold.environment import Environment
from eventfold.settings.fields import Names


class Settings(library.Settings, library.RecordLimits):
    """Settings of one process, read from its environment."""

    model_config = library.prefixed("TICKSTREAM_")

    pipelines: Names = Field(
        (),
        description="Pipelines to run (modules of agents/); if not set all of them, or none beside "
        "your own modules; `none` for your own modules alone. Belongs to the application id",
    )

    @classmethod
    def selection(cls) -> tuple[str, ...]:
        """Return the variables that choose what a worker runs."""
        return cls.variable("pipelines"), *super().selection()

    @classmethod
    def load(cls) -> Self:
        """Read the environment, and check what the use cases read of it, as the library does."""
        found = super().load()
        for kind in of_use_cases():
            kind.load()
        return found

    @classmethod
    def fields(cls) -> Iterator[tuple[str, FieldInfo]]:
        """Yield the variable and the field of each setting, those of the use cases included."""
        yield from super().fields()
        for kind in of_use_cases():
            yield from kind.fields()


def of_use_cases() -> Iterator[type[Environment]]:
    """Yield the settings of each use case that has any."""
    return (each.settings for each in use_cases() if each.settings)


@cache
def settings() -> Settings:
    """Return the settings of this process, which are read once."""
    return Settings.load()


class _Limits(library.RecordLimits, Environment):
    """Limits of records alone: record types need them before all else."""

    model_config = library.prefixed("TICKSTREAM_")


library.limit_records(_Limits.load())
