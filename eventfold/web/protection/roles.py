"""What a path asks for: nothing, to read, or to be an admin."""

from eventfold.security.web import Role

#: What orchestrators ask, and what a browser needs to ask somebody who they are. No data.
OPEN = {"/", "/healthz", "/readyz", "/login", "/logout"}

_OPEN_BELOW = "/static/"
_READ = {"/metrics", "/openapi.json"}
_READ_BELOW = "/api/"
#: What schemas are read from; who registers one is an admin.
_REGISTRY = "/registry/"


def role_for(method: str, path: str) -> Role | None:
    """Give the role that a request for `path` needs; None if anybody may.

    What isn't of this project is for admins: Faust's own views, pages of users' agents.
    """
    if path in OPEN or path.startswith(_OPEN_BELOW):
        return None
    if path in _READ or path.startswith(_READ_BELOW):
        return "read"
    return "read" if method == "GET" and path.startswith(_REGISTRY) else "admin"


def allows(role: Role | None, needed: Role | None) -> bool:
    """Say whether who has `role` may do what needs `needed`."""
    return needed is None or role in {"admin", needed}
