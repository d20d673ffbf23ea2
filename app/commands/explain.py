"""`faust -A app explain`: a window of candles beside the very records in Kafka behind it."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from aiokafka import TopicPartition
from faust.cli import argument, option

from app.market.records import LateTick, Tick
from app.market.routes.candles import TABLES
from app.market.settings import DAY
from app.market.settings import settings as market
from app.market.topics import TICKS, TICKS_LATE
from app.settings import Settings
from app.settings import settings as of_this_process
from eventfold.cli.command import JSON, CommandError, LongCommand, OptionError
from eventfold.cli.option_types import Time
from eventfold.cli.worker_client import address, answer
from eventfold.decoding import json_decoder
from eventfold.engine.batch import Decoder
from eventfold.engine.changelog import new_consumer
from eventfold.engine.clock import SystemClock
from eventfold.kafka.clients.connections import running
from eventfold.records.candles import Candle
from eventfold.visible import visible_line
from eventfold.web.query.tables import TableInfo
from eventfold.windows import Count, DefinitionError, Session, WindowDefinition, parse_window

#: What is computed anew, in the order shown.
FIELDS = ("count", "open", "high", "low", "close", "volume")


class Behind(msgspec.Struct, frozen=True):
    """A tick that is in a window: its offset, event time (ms), price, size."""

    offset: int
    time: int
    price: float
    size: int


class explain(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Show the records behind a candle of SYMBOL that starts at START, and compute it anew.

    Only candles are explained, not the windows of other tables. START is ms since the epoch or an
    ISO time. The window is read from the worker at WEB_HOST and WEB_PORT, the records from Kafka.
    The exit code is 1 if they differ.
    """

    examples = (
        ("explain ACME 2026-01-31T14:30:00Z", "of 5 min by 1 min"),
        ("explain ACME 1769869800000 --window 1m", "of a minute"),
    )

    options = [  # noqa: RUF012 - as Faust declares it
        argument("symbol"),
        argument("start", type=Time()),
        option("--window", default="5m/1m", show_default=True, help="Size, or size/advance."),
        JSON,
    ]

    async def work(self) -> None:
        """Ask, read, compare. Raises CommandError for an unknown window, or a wrong one."""
        conf, symbol, start = of_this_process(), self.kwargs["symbol"], self.kwargs["start"]
        candle = await _window(conf, symbol, start, self.kwargs["window"])
        records = await _records(conf, candle)
        found = recompute(records)
        self._show(candle, records, found)
        wrong = [name for name in FIELDS if found.get(name) != getattr(candle, name)]
        if wrong:
            raise CommandError(f"The records disagree with the window in {', '.join(wrong)}")

    def _show(self, candle: Candle, records: list[Behind], found: dict[str, Any]) -> None:
        if self.json:
            agrees = all(found.get(name) == getattr(candle, name) for name in FIELDS)
            shown = {"window": candle, "records": records, "recomputed": found, "agrees": agrees}
            self.say(json.dumps(msgspec.to_builtins(shown)))
            return
        behind = (
            (str(each.offset), _utc(each.time), str(each.price), str(each.size)) for each in records
        )
        console = self.console()
        console.print_table(("offset", "time (UTC)", "price", "size"), behind)
        compared = []
        for name in FIELDS:
            theirs, ours = getattr(candle, name), found.get(name)
            verdict = "agrees" if theirs == ours else "DISAGREES"
            compared.append((name, str(theirs), str(ours), verdict))
        console.print_table(("", "window", "records", ""), compared)


def recompute(records: list[Behind]) -> dict[str, Any]:
    """Return the FIELDS of a window of these records; {"count": 0} of none."""
    if not records:
        return {"count": 0}
    ordered = sorted(records, key=lambda each: (each.time, each.offset))
    prices = [each.price for each in ordered]
    volume = sum(each.size for each in ordered)
    found = (len(prices), prices[0], max(prices), min(prices), prices[-1], volume)
    return dict(zip(FIELDS, found, strict=True))


async def _window(conf: Settings, symbol: str, start: int, text: str) -> Candle:
    try:
        window = parse_window(text)
    except DefinitionError as error:
        raise OptionError(f"--window: {error}") from None
    if isinstance(window, Session | Count):
        raise OptionError(f"--window: candles have a size, which {text} has not")
    asked = {"size": f"{window.size}ms", "advance": f"{window.advance}ms"}
    # One part of the path, whatever the symbol holds: a slash, a question mark, a line break.
    url = address(conf).joinpath("api", "candles").joinpath(quote(symbol, safe=""), encoded=True)
    query: dict[str, str | int] = {**asked, "from": start, "to": start + 1}
    try:
        found = await answer(conf, url.with_query(query), list[Candle])
    except CommandError as error:
        raise await _explain_other_tables(conf, window, error) from None
    if not found:
        name = visible_line(symbol)
        raise CommandError(f"{name} has no window {text} that starts at {_utc(start)}")
    return found[0]


async def _explain_other_tables(
    conf: Settings, window: WindowDefinition, error: CommandError
) -> CommandError:
    """Return an error; where candles have no such windows, with where those of others are."""
    tables = await answer(conf, address(conf) / "api" / "tables", list[TableInfo])
    served = {name for table in tables if table.name in TABLES for name in table.windows}
    if str(window) in served or (window == DAY and served):
        return error
    others = [table.name for table in tables if table.windows and table.name not in TABLES]
    if not others:
        return error
    where = address(conf) / "api" / "windows"
    return CommandError(
        f"{error}. Only candles are explained, which are made of {TICKS.base_name}: the windows of "
        f"{', '.join(others)} are at {where}/TABLE/KEY"
    )


async def _records(conf: Settings, candle: Candle) -> list[Behind]:
    """Read the records that should be in a window: its own, readable, and not refused as late."""
    refused = await _refused(conf, candle)
    ticks = TICKS.of(conf)
    partition = TopicPartition(ticks.name, candle.partition)
    decoder = Decoder(ticks, candle.partition, conf.max_ahead, SystemClock())
    records: list[Behind] = []
    first, last = candle.first_offset, candle.last_offset
    async for raw in _read(conf, partition, first, last + 1):
        decoded = decoder.decode(raw)
        for offset, tick in zip(decoded.offsets, decoded.records, strict=True):
            if offset <= last and offset not in refused and _belongs(tick, candle):
                records.append(Behind(offset, tick.time, tick.price, tick.size))
    return records


def _belongs(tick: Tick, candle: Candle) -> bool:
    return tick.symbol == candle.symbol and candle.start <= tick.time < candle.end


async def _refused(conf: Settings, candle: Candle) -> set[int]:
    day = market().day_window
    is_day = (candle.size, candle.advance) == (day.size, day.advance)
    table = "days" if is_day else "candles"
    decode = json_decoder(LateTick)
    partition = TopicPartition(TICKS_LATE.of(conf).name, candle.partition)
    found = set()
    async for records in _read(conf, partition, None, None):
        for each in records:
            with suppress(ValueError):  # it is none of ours
                late = decode(each.value or b"")
                if late.table == table:
                    found.add(late.offset)
    return found


async def _read(
    conf: Settings, partition: TopicPartition, begin: int | None, end: int | None
) -> AsyncIterator[list[Any]]:
    """Return the records from `begin` on, to `end` at least; None are the topic's own."""
    async with running(new_consumer(conf)) as consumer:
        consumer.assign([partition])
        oldest = (await consumer.beginning_offsets([partition]))[partition]
        if begin is not None and begin < oldest:
            raise CommandError(
                f"The records behind the window are no longer in {partition.topic}: its partition "
                f"{partition.partition} begins at offset {oldest}, the window at {begin}"
            )
        consumer.seek(partition, oldest if begin is None else begin)
        # Of a topic that was made anew, no more than there is.
        newest = (await consumer.end_offsets([partition]))[partition]
        end = newest if end is None else min(end, newest)
        # The position, not the last record's offset: transactions end in what is no record.
        while await consumer.position(partition) < end:
            for raw in (await consumer.getmany(partition, timeout_ms=200)).values():
                yield raw


def _utc(time: int) -> str:
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{time % 1000:03}"
