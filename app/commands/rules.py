"""`faust -A app rules`: the rules of transactions, in their database."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import click
from faust.cli import argument, option

from app.settings import settings
from app.transactions.rules import KINDS, BadRuleError
from app.transactions.settings import settings as own
from eventfold.cli.command import CommandError, LongCommand, OptionError
from eventfold.decoding import decode_json


class rules(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """List, add, disable, enable or remove the rules that transactions are checked against.

    Workers follow within a second. The database is TICKSTREAM_RULES_URL's; any other program may
    change its table `rules` as well.
    """

    examples = (
        ("rules", "list them"),
        (
            """rules add no-casino --kind block --parameters '{"category": "casino"}'""",
            "one more",
        ),
        ("rules disable no-casino", "switch one off"),
        ("rules examples", "a few to begin with"),
    )

    options = [  # noqa: RUF012 - as Faust declares it
        argument(
            "action",
            type=click.Choice(["list", "add", "enable", "disable", "remove", "examples"]),
            default="list",
        ),
        argument("rule", required=False),
        option("--kind", type=click.Choice(list(KINDS)), help="add: what kind of rule."),
        option("--parameters", default="{}", help="add: JSON, see docs/patterns/transactions.md."),
        option("--note", default="", help="add: what it is for."),
    ]

    async def work(self) -> None:
        """Do one thing with the database. Raises CommandError where it can't be done."""
        # Only this command needs SQLAlchemy.
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        from app.transactions.database import (  # noqa: PLC0415
            RulesDatabase,
            UnknownRuleError,
            rules_url,
        )

        database = RulesDatabase(rules_url(settings(), own()))
        try:
            async with database:
                await self._act(database)
        except (BadRuleError, UnknownRuleError) as error:
            raise CommandError(f"Rule {self.kwargs['rule']!r}: {error.args[0]}") from error
        except (SQLAlchemyError, OSError, ModuleNotFoundError) as error:
            reason = " ".join(str(error).split())[:300]
            raise CommandError(f"The rules at {database} can't be used: {reason}") from error

    async def _act(self, database: Any) -> None:
        action, name = self.kwargs["action"], self.kwargs["rule"]
        if action == "list":
            await self._list(database)
        elif action == "examples":
            await self._add_examples(database)
        elif name is None:
            raise OptionError(f"{action}: which rule?")
        else:
            acts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                "add": lambda: self._add(database, name),
                "enable": lambda: database.set(name, enabled=True),
                "disable": lambda: database.set(name, enabled=False),
                "remove": lambda: database.remove(name),
            }
            await acts[action]()
            done = {"add": "added", "remove": "removed"}.get(action, f"{action}d")
            self.say(f"Rule {name} {done} in {database}.")

    async def _add(self, database: Any, name: str) -> None:
        kind = self.kwargs["kind"]
        if kind is None:
            raise OptionError(f"add: --kind is one of {', '.join(KINDS)}")
        try:
            parameters = decode_json(self.kwargs["parameters"])
        except ValueError as error:
            raise OptionError(f"--parameters is no JSON: {error}") from error
        if not isinstance(parameters, dict):
            raise OptionError("--parameters is no JSON object")
        await database.add(name, kind, parameters, self.kwargs["note"])

    async def _add_examples(self, database: Any) -> None:
        from app.transactions.examples import add_examples  # noqa: PLC0415

        self.say(f"{await add_examples(database)} rules added to {database}.")

    async def _list(self, database: Any) -> None:
        found = await database.all()
        if self.json:
            self.say(json.dumps([{"version": each.version, **each.row} for each in found]))
            return
        shown = (
            (
                each.id,
                str(each.version),
                *(each.row[name] for name in ("kind", "parameters", "note")),
                _state(each),
            )
            for each in found
        )
        self.console().print_table(("rule", "version", "kind", "parameters", "note", ""), shown)
        self.say(f"{len(found)} rules in {database}")


def _state(change: Any) -> str:
    try:
        return "in force" if change.rule().enabled else "disabled"
    except BadRuleError as error:
        return f"can't be used: {error}"
