"""Sources of the market for the command `produce`: a chart API, a simulated market, files."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from app.market.bare import bare_prices
from app.market.chart import ChartApi
from app.market.presets import PRESETS, preset_of
from app.market.prices import PriceProducer
from app.market.records import Tick
from app.market.settings import settings
from app.market.simulator import SIMULATION, fast_slices, live_slices
from app.market.topics import TICKS
from app.market.walks import Flaws, Market
from eventfold.cli.command import CommandError, LongCommand, OptionError
from eventfold.cli.file_source import send_file
from eventfold.cli.option_types import Seconds
from eventfold.cli.sources import (
    Source,
    named_topic,
    print_sent,
    rate_of,
    send_all,
    start_of,
)
from eventfold.connectors.outbox import Outbox
from eventfold.connectors.reading.preset import Preset
from eventfold.windows.durations import approximate_duration, format_duration

_SHARE = click.FloatRange(0, 1)
_FORMAT = click.Option(
    ["--format"],
    type=click.Choice(["tick", "price"]),
    default="tick",
    help="chart, simulator, file: tick is JSON, skipping quotes that have not changed; price is "
    "the bare number.",
)


def _is_bare(command: LongCommand) -> bool:
    return bool(command.kwargs["format"] == "price")


def _outbox(command: LongCommand) -> Outbox:
    topic = command.kwargs["topic"] or TICKS.base_name
    return Outbox(command.app.settings, topic, event_timestamps=_is_bare(command))


async def _send_chart(command: LongCommand) -> None:
    """Poll the chart API for its tickers."""
    conf, options = settings(), command.kwargs
    api = ChartApi(conf.chart_url.full, conf.chart_token, extended_hours=options["extended_hours"])
    begun = time.perf_counter()
    await command.demand_broker()
    async with _outbox(command) as outbox, api:
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
            print_sent(command, outbox.delivered, [outbox.topic], time.perf_counter() - begun)
            _print_behind(command, producer.behind, conf.grace)
    if producer.failure and not outbox.delivered:
        raise CommandError(f"No price was sent: {producer.failure}")


def _print_behind(command: LongCommand, behind: dict[str, int], grace: int) -> None:
    """Print how far behind trades the ticks of each ticker were, and the grace they need."""
    if command.json or not behind:
        return
    for ticker, longest in behind.items():
        command.say(f"{ticker}: up to {approximate_duration(longest)} behind")
    needed = max(behind.values())
    if needed > grace:
        command.say(
            f"Beside live ticks they need a TICKSTREAM_GRACE of at least "
            f"{approximate_duration(needed)}; it is {format_duration(grace)}"
        )


async def _send_market(command: LongCommand) -> None:
    """Send trades of a simulated market."""
    options = command.kwargs
    rate, count = rate_of(command, "market", SIMULATION.rate), options["count"]
    market = _market(command, 1000 / rate if rate else options["step"])
    slices = live_slices(market, count) if rate else fast_slices(market, start_of(command), count)
    if _is_bare(command):
        slices = (bare_prices(records) async for records in slices)
    outbox = _outbox(command)
    await send_all(command, outbox, slices, [outbox.topic], is_live=bool(rate))


def _market(command: LongCommand, step: float) -> Market:
    options = command.kwargs
    try:
        flaws = Flaws(options["disorder"], options["late"], options["broken"])
    except ValueError as error:
        raise OptionError(f"--disorder, --late, --broken: {error}") from error
    return Market(step=step, symbols=options["symbols"], seed=options["seed"], flaws=flaws)


def file_preset(options: Mapping[str, Any]) -> Preset:
    """Return what `--preset`, `--bars` and `--symbol` say of files. Raises OptionError."""
    length = options["bar_length"] and int(options["bar_length"] * 1000)
    try:
        preset = preset_of(options["preset"], options["bars"], length)
    except ValueError as error:
        raise OptionError(str(error)) from error
    if not options["symbol"]:
        return preset
    given = {"symbol": options["symbol"]}
    others = tuple(replace(each, constants=given) for each in preset.others)
    return replace(preset, constants=given, others=others)


async def _send_file(command: LongCommand) -> None:
    """Send the records of files: ticks, if no other topic of the application is named."""
    preset = file_preset(command.kwargs)
    topic = named_topic(command, TICKS)
    if preset.kind is not None and topic.value is not Tick:
        raise OptionError(f"--preset, --bars: they make ticks, which {topic.base_name} has not")
    if _is_bare(command):
        await send_file(command, TICKS, bare_prices, preset=preset, event_timestamps=True)
    else:
        await send_file(command, TICKS, preset=preset)


_FILE_OPTIONS = (
    click.Option(
        ["--preset"],
        type=click.Choice(PRESETS),
        help="file: as it is downloaded from there: columns, times, zone.",
    ),
    click.Option(["--symbol"], help="file: symbol of its ticks, if no column has it."),
    click.Option(
        ["--bars"],
        type=click.Choice(["ohlc", "close"]),
        help="file: of each bar four ticks (that of a preset with bars), or its close.",
    ),
    click.Option(
        ["--bar-length"],
        type=Seconds(),
        help="file: of a bar, if not a day (yahoo, kaggle), a minute (histdata) or in the file.",
    ),
)
_MARKET_OPTIONS = (
    click.Option(
        ["--symbols"],
        type=click.IntRange(1, 8100),
        default=500,
        help="simulator: number of symbols traded; 2000 ticks a second if --rate is not set.",
    ),
    click.Option(
        ["--disorder"],
        type=_SHARE,
        default=Flaws.disorder,
        help="simulator: share of ticks up to 5 s behind their time.",
    ),
    click.Option(
        ["--late"],
        type=_SHARE,
        default=Flaws.late,
        help="simulator: share of ticks 6 to 10 min behind.",
    ),
    click.Option(
        ["--broken"],
        type=_SHARE,
        default=Flaws.broken,
        help="simulator: share of records that can't be read.",
    ),
)

#: The simulated market has a name of its own beside that of its use case.
SOURCES = (
    Source(
        "chart",
        _send_chart,
        (
            click.Option(
                ["--ticker"],
                multiple=True,
                default=["BTC-USD"],
                help="chart (TICKSTREAM_CHART_URL): a ticker; repeatable.",
            ),
            click.Option(
                ["--interval"],
                type=Seconds(),
                default="30s",
                help="chart: time between two polls.",
            ),
            click.Option(
                ["--extended-hours"],
                is_flag=True,
                help="chart: quotes of pre- and post-market trading as well, with size 0.",
            ),
            _FORMAT,
        ),
    ),
    Source("simulator", _send_market, _MARKET_OPTIONS),
    Source("file", _send_file, _FILE_OPTIONS, takes_path=True),
    Source("market", _send_market),
)
