"""`faust -A app reset`: an application as if it had never run; instead of Faust's own command."""

import click
from faust.cli import option

from eventfold.cli.command import CommandError, LongCommand

_HEADINGS = ("", "which", "how much")


class reset(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Delete the state of an application: local state, changelogs, committed offsets.

    It folds its sources from their beginning then. Sources are never touched; topics between its
    own steps are emptied, since they are written again. Shows what it deletes, and asks.
    """

    examples = (
        ("reset", "shows what it deletes, and asks"),
        ("reset --outputs --yes", "all of it, without a question"),
    )
    options = [  # noqa: RUF012 - as Faust declares it
        option("--yes", is_flag=True, help="Don't ask."),
        option(
            "--outputs",
            is_flag=True,
            help="Empty the topics it owns as well, after another question; those of other "
            "applications and shared ones are left.",
        ),
    ]

    async def work(self) -> None:
        """Look, show, ask, delete. Raises CommandError where it can't be, or is not wanted."""
        # Other commands delete nothing.
        from eventfold.cli import reset as resetting  # noqa: PLC0415

        conf, tables = self.app.settings, self.app.tasks.tables
        found = await resetting.plan(conf, tables)
        if found.empty:
            self.say(f"Nothing is known of application {conf.app_id}")
        else:
            self.console().print_table(_HEADINGS, resetting.in_words(found))
            if not self._wants(f"Delete all of this of application {conf.app_id}?"):
                raise CommandError("Nothing is deleted")
        outputs = self.kwargs["outputs"]
        if outputs:
            self.console().print_table(_HEADINGS, resetting.outputs_in_words(found))
        if outputs and any(found.outputs.values()):
            outputs = self._wants(f"Empty the outputs of application {conf.app_id} as well?")
        # Only after the last answer: none of it can be taken back.
        if not found.empty:
            await resetting.carry_out(found, conf, tables)
            self.say(
                f"Application {conf.app_id} is as if it had never run; on other machines "
                "delete `tables` in its data directories as well"
            )
        if outputs:
            await resetting.carry_out_outputs(found, conf, tables)
            self.say("Its outputs are empty")

    def _wants(self, question: str) -> bool:
        if self.kwargs["yes"]:
            return True
        try:
            return click.confirm(question)
        except click.Abort:
            raise CommandError("Nothing is deleted: nobody answered, see --yes") from None
