"""`faust -A app completion`: what a shell needs to complete commands and options."""

from typing import NoReturn

from click.shell_completion import ShellComplete, get_completion_class
from faust.cli import argument
from faust.cli.base import cli
from faust.cli.completion import completion as faust_completion

from eventfold.cli.command import Examples, OptionError

#: What click's scripts run to be told what may follow, by shell, and what has to follow it: Faust
#: looks for `-A` among its own arguments to know the commands of an application.
_CALLS = {
    "bash": ("=bash_complete $1)", '=bash_complete $1 "${COMP_WORDS[@]:1}")'),
    "zsh": ("=zsh_complete %(prog_name)s)", '=zsh_complete %(prog_name)s "${words[@]:1}")'),
    "fish": (" %(prog_name)s);", " %(prog_name)s (commandline -opc)[2..]);"),
}


class completion(Examples, faust_completion):  # noqa: N801 - Faust calls it what its class is called
    """Print a script by which bash, zsh or fish complete `faust` and its commands.

    The shell is that of $SHELL if none is named.
    """

    options = [argument("shell", required=False)]  # noqa: RUF012 - as Faust declares it

    examples = (
        ("completion bash >> ~/.bashrc", ""),
        ("completion zsh >> ~/.zshrc", ""),
        ("completion fish > ~/.config/fish/completions/faust.fish", ""),
    )

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Print it. Raises SystemExit, with one line for a shell that click doesn't know."""
        name = self.kwargs["shell"] or self.shell()
        kind = get_completion_class(name)
        if kind is None or name not in _CALLS:
            print(f"{name!r} is none of {', '.join(_CALLS)}", file=self.stderr)
            raise SystemExit(OptionError.exit_code)
        self.say(script(kind))
        raise SystemExit(0)


def script(kind: type[ShellComplete]) -> str:
    """Return click's own script for a shell, which asks with the whole line typed so far."""
    found, wanted = _CALLS[kind.name]
    assert found in kind.source_template, f"click's script for {kind.name} has changed"  # noqa: S101
    shell = kind(cli, {}, "faust", "_FAUST_COMPLETE")
    return kind.source_template.replace(found, wanted) % shell.source_vars()
