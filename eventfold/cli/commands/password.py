"""`faust -A app password`: the hash of a password, for the setting of web users."""

import click

from eventfold.cli.command import LongCommand, OptionError
from eventfold.security.passwords import hash_password
from eventfold.security.web import SHORTEST_PASSWORD


class password(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Print the Argon2id hash of a password, for the setting of web users.

    The password is asked for, or read from a pipe; it is shown nowhere.
    """

    examples = (("password", "asks for it, twice; or reads it from a pipe"),)

    async def work(self) -> None:
        """Ask for it and print its hash."""
        piped = not click.get_text_stream("stdin").isatty()
        text = (
            click.get_text_stream("stdin").readline().rstrip("\n")
            if piped
            else click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        )
        if len(text) < SHORTEST_PASSWORD:
            raise OptionError(f"a password has at least {SHORTEST_PASSWORD} characters")
        self.say(hash_password(text))
