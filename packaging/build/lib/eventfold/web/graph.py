"""`/graph/`: the services of this worker as a graph; Graphviz need not be installed."""

import io

from faust import web

blueprint = web.Blueprint("graph")


@blueprint.route("/", name="detail")
class Graph(web.View):
    """View of this worker's services in the DOT language."""

    async def get(self, request: web.Request) -> web.Response:  # noqa: ARG002  # Faust's signature
        """Answer with the graph; `curl .../graph/ | dot -Tsvg` draws it."""
        out = io.StringIO()
        beacon = self.app.beacon.root or self.app.beacon
        beacon.as_graph().to_dot(out)
        return self.text(out.getvalue(), content_type="text/vnd.graphviz")
