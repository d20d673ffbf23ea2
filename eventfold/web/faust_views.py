"""Faust's own views, adapted: `/table/`, `/router/` and `@app.table_route`; `/graph/`.

Faust finds the partition of a key by the hash of its JSON form; producers hash the raw bytes. So
`/table/`, `/router/` and `@app.table_route` would ask a worker that does not have the key. Faust's
own tables are routed as before.
"""

import io
from collections import defaultdict
from typing import Any

from faust import web
from faust.app import router
from faust.exceptions import SameNode
from faust.types.assignor import HostToPartitionMap
from faust.types.core import K
from faust.types.tables import CollectionT
from faust.web.exceptions import NotFound
from multidict import CIMultiDict
from yarl import URL

from eventfold.engine.table import StateTable
from eventfold.web.application import state_tables
from eventfold.web.query.answers import answer_key
from eventfold.web.query.coverage import likely_owner
from eventfold.web.query.peers import FORWARDED, owners

blueprint = web.Blueprint("graph")


@blueprint.route("/", name="detail")
class Graph(web.View):
    """View of this worker's services in the DOT language, without Faust's need of Graphviz."""

    async def get(self, request: web.Request) -> web.Response:  # noqa: ARG002  # Faust's signature
        """Answer with the graph; `curl .../graph/ | dot -Tsvg` draws it."""
        out = io.StringIO()
        beacon = self.app.beacon.root or self.app.beacon
        beacon.as_graph().to_dot(out)
        return self.text(out.getvalue(), content_type="text/vnd.graphviz")


class Router(router.Router):
    """Router that finds the worker with a key."""

    def key_store(self, table_name: str, key: K) -> URL:
        """Return the address of the likely worker of `key`. Raises KeyError, NotFound."""
        table: Any = self._get_table(table_name)
        if isinstance(table, StateTable):
            return URL(likely_owner(owners(self.app, table.source.name), _text(key)))
        return super().key_store(table_name, key)

    def table_metadata(self, table_name: str) -> HostToPartitionMap:
        """Return worker → topic → partitions of a table; for a StateTable, of its source topic."""
        table: Any = self._get_table(table_name)
        if isinstance(table, StateTable):
            return self._owned(table)
        return super().table_metadata(table_name)

    def tables_metadata(self) -> HostToPartitionMap:
        """Return worker → topic → partitions of all tables."""
        merged: HostToPartitionMap = defaultdict(dict)
        for metadata in (
            super().tables_metadata(),
            *map(self._owned, state_tables(self.app).values()),
        ):
            for url, topics in metadata.items():
                merged[url].update(topics)
        return dict(merged)

    async def route_req(self, table_name: str, key: K, web: Any, request: Any) -> Any:
        """Answer from another worker. Raises SameNode if this one has the key."""
        table: Any = self._get_table(table_name)
        if not isinstance(table, StateTable):
            return await super().route_req(table_name, key, web, request)
        name = _text(key)
        if table.rows_of(name):
            raise SameNode

        async def read() -> list[Any] | None:
            return table.rows_of(name) or None

        return await answer_key(request, table, name, read, f"key {key!r} in table {table_name}")

    async def _route_req(self, dest_url: URL, web: Any, request: Any) -> Any:
        """Forward a request to another worker without the client's credentials."""
        headers = CIMultiDict(request.headers)
        for name in ("Authorization", "Cookie", "Host"):
            headers.popall(name, None)
        headers[FORWARDED] = "1"
        return await super()._route_req(dest_url, web, request.clone(headers=headers))

    def _owned(self, table: StateTable) -> HostToPartitionMap:
        topic = table.source.name
        by_url: HostToPartitionMap = defaultdict(lambda: {topic: []})
        for partition, url in sorted(owners(self.app, topic).items()):
            by_url[url][topic].append(partition)
        return dict(by_url)

    def _get_table(self, name: str) -> CollectionT:
        try:
            return super()._get_table(name)
        except KeyError:
            raise NotFound("unknown table", name=name) from None


def _text(key: K) -> str:
    return key.decode() if isinstance(key, bytes) else str(key)
