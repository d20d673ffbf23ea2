"""Errors of the schema registry, with the messages and codes of Confluent's REST interface."""

from http import HTTPStatus


class RegistryError(Exception):
    """Error of a request to the registry: HTTP status, error code, message."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def no_subject(subject: str) -> RegistryError:
    """Return the error for a subject without any version."""
    return RegistryError(HTTPStatus.NOT_FOUND, 40401, f"Subject '{subject}' not found.")


def no_version(version: object) -> RegistryError:
    """Return the error for a version that the subject does not have."""
    return RegistryError(HTTPStatus.NOT_FOUND, 40402, f"Version {version} not found.")


def no_schema() -> RegistryError:
    """Return the error for an unknown schema, by its id or by its text."""
    return RegistryError(HTTPStatus.NOT_FOUND, 40403, "Schema not found")


def no_level(subject: str) -> RegistryError:
    """Return the error for a subject without a compatibility level of its own."""
    message = f"Subject '{subject}' does not have subject-level compatibility configured"
    return RegistryError(HTTPStatus.NOT_FOUND, 40408, message)


def incompatible(subject: str, reasons: list[str]) -> RegistryError:
    """Return the error for a schema that the subject's level rejects."""
    message = (
        f"Schema being registered is incompatible with an earlier schema for subject '{subject}'"
    )
    return RegistryError(HTTPStatus.CONFLICT, 409, f"{message}: {'; '.join(reasons)}")


def invalid_schema(reason: object) -> RegistryError:
    """Return the error for an invalid schema, or for one of an unsupported kind."""
    return RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 42201, f"Invalid schema: {reason}")


def invalid_version(version: str) -> RegistryError:
    """Return the error for an invalid version: neither a number from 1 on nor `latest`."""
    message = f"The specified version '{version}' is not a valid version id"
    return RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 42202, message)


def invalid_level(level: object) -> RegistryError:
    """Return the error for an unknown compatibility level."""
    message = f"Invalid compatibility level: {level}"
    return RegistryError(HTTPStatus.UNPROCESSABLE_ENTITY, 42203, message)
