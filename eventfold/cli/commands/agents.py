"""`faust -A app agents`: Faust's own list, which may be piped."""

from faust.cli import option
from faust.cli.agents import agents as faust_agents

from eventfold.cli.command import JSON, LongCommand


class agents(LongCommand, faust_agents):  # noqa: N801 - Faust calls it what its class is called
    """List the agents: each with its topic and its purpose."""

    examples = (("agents", ""), ("agents --json", "for a program"))
    options = [  # noqa: RUF012 - as Faust declares it
        option("--local/--no-local", default=False, help="Agents without a topic as well."),
        JSON,
    ]

    async def work(self) -> None:
        """List them."""
        await self.run(local=self.kwargs["local"])
