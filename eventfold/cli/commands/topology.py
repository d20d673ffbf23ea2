"""`faust -A app topology`: the graph of what a worker started like this would run."""

import click
import msgspec
from faust.cli import option

from eventfold.cli.command import LongCommand


class topology(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Draw the data flow: from topics through agents and tables to topics.

    Read from the definitions of what a worker with these settings would run.
    """

    examples = (
        ("topology", ""),
        ("topology --format mermaid", "for Markdown"),
        ("topology --format dot > topology.dot", "for Graphviz"),
    )
    options = [  # noqa: RUF012 - as Faust declares it
        option(
            "--format",
            type=click.Choice(["text", "mermaid", "dot", "json"]),
            default="text",
            show_default=True,
            help="text: a tree; mermaid: for Markdown; dot: for Graphviz; json: for programs.",
        ),
    ]

    async def work(self) -> None:
        """Read, and draw."""
        # Other commands draw nothing.
        from eventfold.topology import to_dot, to_mermaid, to_tree, topology  # noqa: PLC0415

        graph = topology(self.app)
        match "json" if self.json else self.kwargs["format"]:
            case "mermaid":
                self.say(to_mermaid(graph))
            case "dot":
                self.say(to_dot(graph))
            case "json":
                self.say(msgspec.json.encode(graph).decode())
            case _:
                self.console().print(to_tree(graph))
