"""`faust -A app broker`: Apache Kafka on this machine, until Ctrl-C."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click
from faust.cli import option

from eventfold.cli.command import LongCommand

if TYPE_CHECKING:
    from eventfold.embedded import EmbeddedBroker


class broker(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Run Apache Kafka on 127.0.0.1 until Ctrl-C; it is downloaded the first time."""

    examples = (
        ("broker", "at port 9092, the default of BROKER_URL"),
        ("broker --port 9192 --data-dir /tmp/kafka", "another one"),
    )
    options = [  # noqa: RUF012 - as Faust declares it
        option(
            "--port", type=click.IntRange(1, 65535), default=9092, help="Port to be reached at."
        ),
        option(
            "--data-dir",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path("data/broker"),
            help="Directory of its topics, kept from run to run.",
        ),
    ]

    async def work(self) -> None:
        """Start the broker, print its address, and stop it when cancelled."""
        # Other commands need no broker of ours, nor its imports.
        from eventfold.embedded import EmbeddedBroker  # noqa: PLC0415

        # The user gets our one line; what mode says of the same is for logs of services.
        logging.getLogger("eventfold.embedded").setLevel(logging.CRITICAL)
        service = EmbeddedBroker(self.kwargs["port"], self.kwargs["data_dir"])
        try:
            await self._serve(service)
        finally:
            await service.stop()

    async def _serve(self, service: "EmbeddedBroker") -> None:
        await service.start()
        self.say(
            f"Apache Kafka is ready at {service.bootstrap_servers}, "
            f"its data in {service.storage.path}. Ctrl-C stops it."
        )
        await service.wait_until_stopped()
        if service.crash_reason:
            raise service.crash_reason
