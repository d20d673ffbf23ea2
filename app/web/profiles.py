"""`/api/profiles/{user}`: who a visitor is, as clicks are enriched."""

from aiohttp import web

from app.calc.profiles import Known
from app.records import Visitor
from app.state.keyed_table import KeyedTable
from app.web.errors import unknown
from app.web.lookup import APP, answer, state_tables
from app.web.parameters import Values

TABLE = "profiles"


async def profile(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the profile that a user's clicks get now."""
    table, user = state_tables(request.app[APP]).get(TABLE), values["user"]
    if not isinstance(table, KeyedTable):
        raise unknown("no profiles are kept here: the pipeline 'clicks' does not run")
    keyed = table

    def here() -> Visitor | None:
        known: Known | None = keyed.state_of(user)
        return known.profile if known else None

    return await answer(request, table, user, here, f"user {user!r}")
