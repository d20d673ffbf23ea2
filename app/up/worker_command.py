"""Dashboard address and command line of another worker, printed when all is running."""

import os
import shlex
from pathlib import Path

from app.settings import Settings, fields
from app.up.worker import faust_program
from eventfold.embedded import ports
from eventfold.security.secret import is_secret

#: Settings that another worker does not share, or that its command line sets anyway.
_NOT_SHARED = {"BROKER_URL", "WEB_PORT", "APP_DATADIR", "CONSUMER_GROUP_INSTANCE_ID"}

#: Secrets that no worker uses.
_UNUSED_SECRETS = {"TICKSTREAM_CHART_TOKEN"}


def web_address(conf: Settings) -> str:
    """Return the dashboard's address for a browser on this machine."""
    any_address = {"0.0.0.0", "::"}  # noqa: S104 - the user's choice, not ours
    host = "127.0.0.1" if conf.web_bind in any_address else conf.web_bind
    return f"http://{host}:{conf.web_port}"


def worker_command(conf: Settings) -> str:
    """Return the command line that starts another worker from another terminal.

    It names the secrets that the worker needs, with three stars to be replaced by the user.
    """
    above = range(conf.web_port + 1, 65_536)
    port = next((each for each in above if not ports.refusal(each)), None) or ports.free()
    environment = {"BROKER_URL": conf.broker_url, "WEB_PORT": str(port)}
    for name, field in fields():
        if not os.environ.get(name) or name in _NOT_SHARED:
            continue
        if not is_secret(field.json_schema_extra):
            environment[name] = os.environ[name]
        elif name not in _UNUSED_SECRETS:
            environment[name] = "***"
    secrets = Settings.secrets_variable()
    if os.environ.get(secrets):
        environment[secrets] = os.environ[secrets]
    program = Path(faust_program())
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    assignments = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*assignments, shlex.quote(str(program)), "-A app worker -l info"])
