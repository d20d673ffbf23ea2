"""`/api/profiles/{user}`: the profile that a visitor's clicks are enriched with."""

from aiohttp import web

from app.shop.profiles import Known
from app.shop.records import Visitor
from eventfold.engine.keyed_table import KeyedTable
from eventfold.web.parameters import Values
from eventfold.web.query import answer_key, served

TABLE = "profiles"


async def profile(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the profile that a user's clicks are enriched with now."""
    table: KeyedTable = served(request, TABLE, "no profiles are kept here", "clicks", KeyedTable)
    user = values["user"]

    async def read() -> Visitor | None:
        known: Known | None = table.state_of(user)
        return known.profile if known else None

    return await answer_key(request, table, user, read, f"user {user!r}")
