"""The Faust application: settings, transport, tables; and which modules belong to it."""

import faust

from app.settings import settings


class TickApp(faust.App):
    """Faust's application, with tickstream's settings."""


def create() -> TickApp:
    """Make the application of this process from its settings."""
    conf = settings()
    return TickApp(
        conf.app_id,
        broker=[f"kafka://{server}" for server in conf.bootstrap_servers],
        datadir=str(conf.data_directory),
        web_port=conf.web_port,
        web_bind=conf.web_bind,
        web_host=conf.web_host,
        topic_partitions=conf.topic_partitions,
        topic_replication_factor=conf.topic_replicas,
    )


app = create()


def discover() -> None:
    """Import what registers itself with the application."""
    from importlib import import_module
    from pkgutil import iter_modules

    import app.commands

    for module in sorted(m.name for m in iter_modules(app.commands.__path__)):
        import_module(f"app.commands.{module}")


discover()
