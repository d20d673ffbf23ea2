"""`faust -A app tables`: Faust's own list, which may be piped."""

from faust.cli.tables import tables as faust_tables

from eventfold.cli.command import JSON, LongCommand


class tables(LongCommand, faust_tables):  # noqa: N801 - Faust calls it what its class is called
    """List the tables: each with its purpose."""

    examples = (("tables", ""), ("tables --json", "for a program"))
    options = [JSON]  # noqa: RUF012 - as Faust declares it

    async def work(self) -> None:
        """List them."""
        await self.run()
