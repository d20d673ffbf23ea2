"""What is told to the user when all runs."""

import os
import shlex
from pathlib import Path

from app.settings import Settings, fields
from app.up.worker import faust_program
from eventfold.embedded import ports
from eventfold.security.secret import is_secret
from eventfold.settings import SECRETS_DIRECTORY

#: Settings that another worker does not share, or that its command line has anyway.
_OWN = {"BROKER_URL", "WEB_PORT", "APP_DATADIR", "CONSUMER_GROUP_INSTANCE_ID"}

#: Secrets that a worker has no use for.
_NOT_A_WORKERS = {"TICKSTREAM_CHART_TOKEN"}


def web_address(conf: Settings) -> str:
    """Return the address at which a browser on this machine finds the worker."""
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 - the user's choice, not ours
    host = "127.0.0.1" if conf.web_bind in everywhere else conf.web_bind
    return f"http://{host}:{conf.web_port}"


def another_worker(conf: Settings) -> str:
    """Return the command line that starts another worker from another terminal.

    Of the secrets that it needs as well it has the names, and three stars to be replaced.
    """
    above = range(conf.web_port + 1, 65_536)
    port = next((each for each in above if not ports.refusal(each)), None) or ports.free()
    environment = {"BROKER_URL": conf.broker_url, "WEB_PORT": str(port)}
    for name, field in fields():
        if not os.environ.get(name) or name in _OWN:
            continue
        if not is_secret(field.json_schema_extra):
            environment[name] = os.environ[name]
        elif name not in _NOT_A_WORKERS:
            environment[name] = "***"
    if os.environ.get(SECRETS_DIRECTORY):
        environment[SECRETS_DIRECTORY] = os.environ[SECRETS_DIRECTORY]
    program = Path(faust_program())
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    words = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*words, shlex.quote(str(program)), "-A app worker -l info"])
