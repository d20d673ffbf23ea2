"""Construction of a topology from an application's declarations: agents, channels, tables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import getclosurevars, isfunction, unwrap
from typing import Any, Literal, Protocol

from faust.types import TopicT
from faust.types.tables import CollectionT

from eventfold.engine.stateless import StatelessOperator
from eventfold.engine.table import StateTable
from eventfold.engine.tasks import Tasks
from eventfold.kafka.schema import BatchSchema
from eventfold.topics import DEAD_LETTERS, OWNERS, SCHEMAS

#: Kind of a node; a step is a stateless operator.
Kind = Literal["topic", "agent", "step", "table"]

#: Kind of an edge: an agent reads a topic, folds it into a table or a step, and looks rows up in
#: other tables. Tables, steps and ordinary agents write topics. Late records and dead letters have
#: topics of their own.
Flow = Literal["reads", "folds", "looks up", "writes", "late", "dead letters"]


@dataclass(frozen=True)
class Node:
    """Node of a topology: a topic, an agent, a step or a table."""

    #: `KIND:NAME`; edges refer to it.
    id: str
    kind: Kind
    name: str
    #: Short name: the function of an agent, a topic without EVENTFOLD_TOPIC_PREFIX.
    label: str
    #: Purpose; empty if none is declared.
    help: str
    #: Number of partitions of a topic; None for other nodes and undeclared topics.
    partitions: int | None = None
    #: Field of a topic's records that is their key; None for other nodes and undeclared topics.
    key: str | None = None
    #: Changelog topic of a table (rows and position) or a step (position).
    changelog: str | None = None


@dataclass(frozen=True)
class Edge:
    """Data flow from the node `source` to the node `target`."""

    source: str
    target: str
    flow: Flow


@dataclass(frozen=True)
class Topology:
    """All nodes and edges, in the order of the definitions."""

    application: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def __getitem__(self, node_id: str) -> Node:
        """Return a node by its id. Raises KeyError if there is none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def after(self, node_id: str) -> list[tuple[Edge, Node]]:
        """Return the edges that leave a node, each with its target."""
        return [(edge, self[edge.target]) for edge in self.edges if edge.source == node_id]

    @property
    def roots(self) -> list[Node]:
        """The nodes without incoming edges: the topics that others fill."""
        targets = {edge.target for edge in self.edges}
        return [node for node in self.nodes if node.id not in targets]


class Application(Protocol):
    """Interface that a topology needs of an application (`TickApp`)."""

    tasks: Tasks

    @property
    def conf(self) -> Any:
        """Faust's settings."""

    @property
    def agents(self) -> Mapping[str, Any]:
        """Faust's agents by name."""


def topology(app: Application) -> Topology:
    """Return the topology of the pipelines that this process was started with."""
    graph = _Graph(app)
    for agent in app.agents.values():
        graph.add_agent(agent)
    for table in app.tasks.tables:
        graph.add_table(table)
    return Topology(app.conf.id, tuple(graph.nodes.values()), tuple(dict.fromkeys(graph.edges)))


class _Graph:
    def __init__(self, app: Application) -> None:
        self._app = app
        written = [topic for table in app.tasks.tables for topic in table.topics]
        every = [topic.of(app.tasks.conf) for topic in (DEAD_LETTERS, OWNERS, SCHEMAS)]
        self._dead_letters, *_ = every
        known = [*app.tasks.topics.values(), *written, *every]
        self._topics = {topic.name: topic for topic in known}
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []

    # -- declarations

    def add_agent(self, agent: Any) -> None:
        """Add an agent, the topics that it reads, and the tables and topics it uses."""
        reads = list(getattr(agent.channel, "topics", ()))
        topics = [self._topic(topic) for topic in reads]
        node = self._node("agent", agent.name, _last(agent.name), _first_line(agent.help))
        for topic in topics:
            self._edge(topic, node, "reads")
        for table in self._tables_of(agent, reads):
            folds = not isinstance(table, StateTable) or table.source.name in reads
            if folds:
                self._edge(node, self._table(table), "folds")
            else:
                self._edge(self._table(table), node, "looks up")
        for name in _written_by(agent, reads):
            self._edge(node, self._topic(name), "writes")

    def add_table(self, table: StateTable) -> None:
        """Add a table with the topics that it writes."""
        node = self._table(table)
        for topic in table.topics:
            self._edge(
                node, self._topic(topic.name), "late" if topic is table.late_topic else "writes"
            )
        self._edge(node, self._topic(self._dead_letters.name), "dead letters")

    def _tables_of(self, agent: Any, reads: list[str]) -> list[Any]:
        named = [each for each in _named_by(agent) if isinstance(each, CollectionT | StateTable)]
        if named:
            return named
        # Its function names no table: take those of its topics that no other agent names.
        others = [each for other in self._app.agents.values() for each in _named_by(other)]
        return [
            table
            for topic in reads
            for table in self._app.tasks.tables_of(topic)
            if not any(table is each for each in others)
        ]

    # -- nodes and edges

    def _topic(self, name: str) -> str:
        topic = self._topics.get(name)
        if topic is None:
            return self._node("topic", name, name, "")
        count, key = topic.partition_count(), ", ".join(topic.key_fields)
        return self._node("topic", name, topic.base_name, topic.purpose, partitions=count, key=key)

    def _table(self, table: Any) -> str:
        if isinstance(table, StateTable):
            changelog = table.changelog.name
        else:
            changelog = table.changelog_topic.get_topic_name()
        kind: Kind = "step" if isinstance(table, StatelessOperator) else "table"
        return self._node(kind, table.name, table.name, table.help or "", changelog=changelog)

    def _node(
        self,
        kind: Kind,
        name: str,
        label: str,
        help: str,
        *,
        partitions: int | None = None,
        key: str | None = None,
        changelog: str | None = None,
    ) -> str:
        node = f"{kind}:{name}"
        self.nodes.setdefault(node, Node(node, kind, name, label, help, partitions, key, changelog))
        return node

    def _edge(self, source: str, target: str, flow: Flow) -> None:
        self.edges.append(Edge(source, target, flow))


def _named_by(agent: Any) -> Iterator[Any]:
    """Yield the values of the nonlocal and global variables that an agent's function uses."""
    function = unwrap(agent.fun)
    if isfunction(function):
        found = getclosurevars(function)
        yield from found.nonlocals.values()
        yield from found.globals.values()


def _written_by(agent: Any, reads: Iterable[str]) -> list[str]:
    """Return the topics that an ordinary agent names or has as sinks."""
    if isinstance(getattr(agent.channel, "schema", None), BatchSchema):
        return []  # results of batches are written by tables
    named = [*agent.info()["sink"], *_named_by(agent)]
    topics = [name for each in named if isinstance(each, TopicT) for name in each.topics]
    return [name for name in dict.fromkeys(topics) if name not in reads]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
