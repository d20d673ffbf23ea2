"""Role that a path needs: none, `read` or `admin`."""

from eventfold.security.web import Role

#: Paths without a role, which return no data: probes, and what a browser needs for the sign-in.
OPEN = {"/", "/healthz", "/readyz", "/login", "/logout"}

_OPEN_BELOW = "/static/"
_READ = {"/metrics", "/openapi.json"}
_READ_BELOW = "/api/"
#: Schema registry: GET needs `read`, all other methods `admin`.
_REGISTRY = "/registry/"


def role_for(method: str, path: str) -> Role | None:
    """Return the role that a request for `path` needs; None if it needs none.

    Paths that are not of this project need `admin`: Faust's own views, pages of users' agents.
    """
    if path in OPEN or path.startswith(_OPEN_BELOW):
        return None
    if path in _READ or path.startswith(_READ_BELOW):
        return "read"
    return "read" if method == "GET" and path.startswith(_REGISTRY) else "admin"


def allows(role: Role | None, needed: Role | None) -> bool:
    """Return whether a client with `role` may do what needs `needed`."""
    return needed is None or role in {"admin", needed}
