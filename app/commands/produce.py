"""`faust -A app produce`: prices of a chart API, a file or a simulation, into topics."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import click
from faust.cli import option

from app.market.bare import bare_prices
from app.market.chart import ChartApi
from app.market.files import Replay, UnreadableFileError, paced
from app.market.prices import PriceProducer
from app.market.settings import settings as market
from app.market.simulator import SIMULATION as MARKET
from app.market.simulator import fast_slices, live_slices
from app.market.topics import TICKS
from app.market.walks import Flaws, Market
from app.settings import settings
from app.sources import Record
from app.sources.feed import Outboxes, fast, live
from app.sources.files import FileSource, file_source, prefixes
from app.sources.outbox import Outbox
from app.sources.report import ALLOWED, InputReport
from app.sources.simulations import Simulation, names, simulation
from eventfold.cli.command import JSON, CommandError, LongCommand, OptionError
from eventfold.cli.option_types import Seconds, Share, Time, Zone
from eventfold.cli.progress import bar
from eventfold.windows.durations import approximate_duration, format_duration

_SHARE = click.FloatRange(0, 1)
OTHERS = [name for name in names() if name != "market"]
#: Records that `--dry-run` prints.
SHOWN = 10


class Source(click.ParamType):
    """Source of records: `chart`, `simulator`, a file such as `file:PATH`, or a simulation."""

    name = "source"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the source as it was written."""
        kind, _, path = value.partition(":")
        files = ["file", *prefixes()]
        if value not in {"chart", "simulator", *names()} and not (kind in files and path):
            known = ", ".join([*(f"{each}:PATH" for each in files), *names()])
            self.fail(f"{value!r} is none of chart, simulator, {known}", param, ctx)
        return str(value)


class produce(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Send prices of a chart API, a file or a simulated market, or another simulation."""

    examples = (
        ("produce --ticker BTC-USD --ticker ETH-USD", "poll a chart API every 30 s"),
        ("produce --source file:ticks.csv.gz", "as fast as possible"),
        ("produce --source log:/var/log/syslog --follow", "lines of a log, until Ctrl-C"),
        ("produce --source simulator --rate 500", "500 ticks/s, until Ctrl-C"),
        ("produce --source simulator --rate 0 --count 100000", "as fast as possible"),
    )
    options = [  # noqa: RUF012 - Faust's own form
        option(
            "--source",
            type=Source(),
            default="chart",
            metavar="SOURCE",
            help="chart (TICKSTREAM_CHART_URL), simulator, or file:PATH: CSV with the columns "
            "symbol, price, time (ms or ISO 8601), size, or JSON lines of the same; may be .gz; or "
            "log:PATH: a log file in any of the usual forms. "
            f"Other simulations: {', '.join(OTHERS)}.",
        ),
        option(
            "--topic",
            help=f"Topic to send prices to ({TICKS.base_name}); other simulations have their own.",
        ),
        option(
            "--format",
            type=click.Choice(["tick", "price"]),
            default="tick",
            help="tick: JSON, skipping quotes that have not changed; price: the bare number.",
        ),
        option(
            "--count", type=click.IntRange(1), help="Stop after this many records (chart: polls)."
        ),
        option("--ticker", multiple=True, default=["BTC-USD"], help="chart: a ticker; repeatable."),
        option("--interval", type=Seconds(), default="30s", help="chart: time between two polls."),
        option(
            "--extended-hours",
            is_flag=True,
            help="chart: quotes of pre- and post-market trading as well, with size 0.",
        ),
        option(
            "--speed",
            type=click.FloatRange(0),
            default=0.0,
            help="file: times real time; 0 is as fast as possible.",
        ),
        option(
            "--rate",
            type=click.FloatRange(0, 1e6),
            help="simulations: records per second (simulator: 2000); 0 is as fast as possible, "
            "--count of them.",
        ),
        option(
            "--symbols",
            type=click.IntRange(1, 8100),
            default=500,
            help="simulator: number of symbols traded.",
        ),
        option("--seed", type=int, default=1, help="simulations: the same seed, the same records."),
        option(
            "--start",
            type=Time(),
            help="simulations at --rate 0: event time of the first record; by default the last one "
            "is now.",
        ),
        option(
            "--step",
            type=click.FloatRange(0, min_open=True),
            default=0.5,
            help="simulations at --rate 0: ms of event time between two records.",
        ),
        option(
            "--disorder",
            type=_SHARE,
            default=Flaws.disorder,
            help="simulator: share of ticks up to 5 s behind their time.",
        ),
        option(
            "--late",
            type=_SHARE,
            default=Flaws.late,
            help="simulator: share of ticks 6 to 10 min behind.",
        ),
        option(
            "--broken",
            type=_SHARE,
            default=Flaws.broken,
            help="simulator: share of records that can't be read.",
        ),
        option("--follow", is_flag=True, help="log: go on as the file grows and is rotated."),
        option("--only-new", is_flag=True, help="log: with --follow, skip what is in the file."),
        option(
            "--zone",
            type=Zone(),
            help="log: zone of times that state none, such as Europe/Berlin, +02:00, local (UTC).",
        ),
        option("--severity", help="log: severity of lines that have none (notice)."),
        option(
            "--allow-bad",
            type=Share(),
            default=str(ALLOWED),
            help="log: share of lines that may be left out before the exit code is 3 (1%).",
        ),
        option(
            "--dry-run",
            is_flag=True,
            help=f"log: send nothing; print the first {SHOWN} records and what was recognised.",
        ),
        JSON,
    ]

    async def work(self) -> None:
        """Send until the source ends or the command is stopped."""
        source = self.kwargs["source"]
        if source == "chart":
            await self._chart()
        elif source in {"simulator", "market"}:
            await self._simulator()
        elif source in OTHERS:
            await self._simulate(source, simulation(source))
        elif (prefix := source.partition(":")[0]) in prefixes():
            path = Path(source.removeprefix(f"{prefix}:"))
            await self._use_case_file(file_source(prefix)(path, self.kwargs), path.name)
        else:
            await self._file(Path(source.removeprefix("file:")))

    #: Records handed to the outbox.
    _sent = 0
    #: Counts of the input, if it is a use case's file.
    _report: InputReport | None = None

    def _until(self, count: int | None) -> AbstractAsyncContextManager[None]:
        """Show the progress towards `count` records."""
        return bar(self.kwargs["source"], done=lambda: self._sent, total=lambda: count)

    def _outbox(self, topic: str | None = None) -> Outbox:
        conf = settings()
        return Outbox(
            conf.bootstrap_servers,
            topic or self._topic,
            compression=conf.compression,
            event_timestamps=self.kwargs["format"] == "price" and topic is None,
        )

    async def _chart(self) -> None:
        conf, options = market(), self.kwargs
        api = ChartApi(
            conf.chart_url.full, conf.chart_token, extended_hours=options["extended_hours"]
        )
        begun = time.perf_counter()
        await self.demand_broker()
        async with self._outbox() as outbox, api:
            producer = PriceProducer(
                api,
                outbox,
                options["ticker"],
                interval=options["interval"],
                form=options["format"],
                grace=conf.grace,
            )
            try:
                await producer.run(options["count"])
            finally:
                self._print_sent(outbox.delivered, self._topic, time.perf_counter() - begun)
                self._print_behind(producer.behind, conf.grace)
        if producer.failure and not outbox.delivered:
            raise CommandError(f"No price was sent: {producer.failure}")

    def _print_behind(self, behind: dict[str, int], grace: int) -> None:
        """Print how far behind trades the ticks of each ticker were, and the grace they need."""
        if self.json or not behind:
            return
        for ticker, longest in behind.items():
            self.say(f"{ticker}: up to {approximate_duration(longest)} behind")
        needed = max(behind.values())
        if needed > grace:
            self.say(
                f"Beside live ticks they need a TICKSTREAM_GRACE of at least "
                f"{approximate_duration(needed)}; it is {format_duration(grace)}"
            )

    async def _simulator(self) -> None:
        rate, count = self._rate("market", MARKET), self.kwargs["count"]
        if rate:
            slices = live_slices(self._market(1000 / rate), count)
        else:
            slices = fast_slices(self._market(self.kwargs["step"]), self._start(count), count)
        await self._send_all(slices, self._until(count))

    def _market(self, step: float) -> Market:
        options = self.kwargs
        try:
            flaws = Flaws(options["disorder"], options["late"], options["broken"])
        except ValueError as error:
            raise OptionError(f"--disorder, --late, --broken: {error}") from error
        return Market(step=step, symbols=options["symbols"], seed=options["seed"], flaws=flaws)

    async def _file(self, path: Path) -> None:
        replay = Replay(path)
        try:
            records = replay.records(self.kwargs["count"])
            shown = bar(path.name, done=lambda: replay.read, total=lambda: replay.size)
            await self._send_all(paced(records, self.kwargs["speed"]), shown)
        except UnreadableFileError as error:
            raise CommandError(str(error)) from error
        finally:
            if replay.bad and not self.json:
                self.say(f"{path}: bad rows skipped: {replay.bad:,}")
        if not replay.good:
            raise CommandError(f"{path}: no row of it is a tick")

    async def _use_case_file(self, source: FileSource, name: str) -> None:
        """Send the records of a use case's file, and report what was recognised and left out."""
        options = self.kwargs
        report = self._report = source.report
        slices = source.slices(options["count"])
        try:
            if options["dry_run"]:
                await self._print_records(slices)
            else:
                topic = options["topic"] or source.topic.of(self.app.settings).name
                shown = bar(name, done=lambda: source.position, total=lambda: source.size)
                await self._send_all(slices, shown, topic, at_once=options["follow"])
        finally:
            if not self.json:
                self.say("\n".join([*report.describe(), *source.warnings]))
            elif options["dry_run"]:
                self.say(json.dumps(report.facts()))
            report.demand(options["allow_bad"], name)

    async def _print_records(self, slices: AsyncIterator[list[Record]]) -> None:
        """Print the first records as they would be sent; read the others too, for the report."""
        async for records in slices:
            for _, value, _ in records[: max(0, SHOWN - self._sent)]:
                self.say(value.decode())
            self._sent += len(records)

    async def _send_all(
        self,
        slices: AsyncIterator[list[Record]],
        shown: AbstractAsyncContextManager[None],
        topic: str | None = None,
        *,
        at_once: bool | None = None,
    ) -> None:
        """Send `slices` to a topic (that of prices), each of them `at_once` or in full batches."""
        outbox, bare = self._outbox(topic), self.kwargs["format"] == "price" and topic is None
        is_live = self._is_live if at_once is None else at_once
        await self.demand_broker()
        await outbox.start()
        begun = time.perf_counter()
        try:
            async with shown:
                async for records in slices:
                    await outbox.send(bare_prices(records) if bare else records)
                    self._sent += len(records)
                    if is_live:
                        await outbox.flush()
                await outbox.drain()
        finally:
            seconds = time.perf_counter() - begun
            await outbox.stop()
            self._print_sent(outbox.delivered, outbox.topic, seconds)

    def _print_sent(self, number: int, topics: str, seconds: float) -> None:
        if self.json:
            facts = {"topics": topics.split(", "), "records": number, "seconds": round(seconds, 3)}
            if self._report is not None:
                facts["input"] = self._report.facts()
            self.say(json.dumps(facts))
            return
        self.say(f"{number:,} records to {topics} in {seconds:.1f} s ({number / seconds:,.0f}/s)")

    async def _simulate(self, name: str, simulation: Simulation) -> None:
        """Send another simulation than the market to its topics."""
        rate, count = self._rate(name, simulation), self.kwargs["count"]
        if self.kwargs["topic"]:
            raise OptionError(f"--topic: the simulation {name} has topics of its own")
        start = self._start(count) if not rate else int(time.time() * 1000)
        made = simulation.make(self.kwargs["seed"], rate or 1000 / self.kwargs["step"], start)
        slices = live(made, count) if rate else fast(made, count)
        conf = settings()
        outboxes = Outboxes(conf.bootstrap_servers, simulation, compression=conf.compression)
        await self.demand_broker()
        begun = time.perf_counter()
        try:
            async with outboxes, self._until(count):
                async for records in slices:
                    await outboxes.send(records)
                    self._sent += len(records)
                    if rate:
                        await outboxes.flush()
                await outboxes.drain()
        finally:
            topics = ", ".join(topic.base_name for topic in simulation.topics)
            self._print_sent(outboxes.delivered, topics, time.perf_counter() - begun)

    def _rate(self, name: str, simulation: Simulation) -> float:
        """Return records per second, 0 for as fast as possible, which has to have an end."""
        rate = self.kwargs["rate"]
        if rate == 0 and self.kwargs["count"] is None:
            raise OptionError(f"--rate 0 needs --count: a {name} as fast as possible has no end")
        return simulation.rate if rate is None else float(rate)

    def _start(self, count: int) -> int:
        """Return the event time of the first of so many records at full speed."""
        start = self.kwargs["start"]
        return int(time.time() * 1000 - count * self.kwargs["step"]) if start is None else start

    @property
    def _topic(self) -> str:
        return self.kwargs["topic"] or TICKS.base_name

    @property
    def _is_live(self) -> bool:
        """Whether to send each record at once instead of in full batches."""
        options = self.kwargs
        is_file = options["source"].startswith("file:")
        return bool(options["speed"] if is_file else self._rate("market", MARKET))
