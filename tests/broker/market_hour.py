"""An hour of ticks and of games, and the surges and streaks that are in it."""

import json
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
from confluent_kafka import Message
from workers import DAY, MINUTE, Record, tick

SECOND = 1_000
HOUR = 60 * MINUTE
SYMBOLS = [f"S{number:02}" for number in range(16)]

#: Span of ticks around the hour (ms): before it, and until its last windows are final.
BEFORE, AFTER = 10 * MINUTE, 11 * MINUTE

#: TICKSTREAM_SURGE_GRACE (ms).
GRACE = 10_000


def ticks(begin: int, seed: int = 11) -> Iterator[Record]:
    """Return the ticks of the hour from `begin` (ms), with those before and after it.

    Some are up to 5 s behind their time, a few 6 min, a few can't be read.
    """
    chance = random.Random(seed)
    prices = dict.fromkeys(SYMBOLS, 100.0)
    found = []
    for at in range(begin - BEFORE, begin + HOUR + AFTER, 4 * SECOND):
        for symbol in SYMBOLS:
            jump = chance.random() < 0.002
            prices[symbol] *= 1 + chance.gauss(0, 0.008 if jump else 0.0003)
            time = at + chance.randrange(4 * SECOND)
            late = chance.choices((0, chance.randrange(5_000), 6 * MINUTE), (90, 9.8, 0.2))[0]
            found.append((time, tick(symbol, round(prices[symbol], 2), time - late)))
            if chance.random() < 0.0005:
                found.append((time, (symbol, b"{", time)))
    found.sort(key=lambda each: each[0])
    return (record for _, record in found)


def day_before(begin: int, seed: int = 3) -> Iterator[Record]:
    """Yield the ticks of the day that ends at midnight before `begin` (ms), one each half hour."""
    chance = random.Random(seed)
    midnight = begin // DAY * DAY
    for at in range(midnight - DAY, midnight, 30 * MINUTE):
        for symbol in SYMBOLS:
            yield tick(symbol, round(100 * (1 + chance.gauss(0, 0.01)), 2), at)


def surges(judged: pl.DataFrame, begin: int, end: int, least: float) -> set[tuple[Any, ...]]:
    """Find symbol, start, last offset of each minute in [begin, end) that changed by `least`.

    Over judged ticks: for each second with a tick, the ticks of the minute up to its end.
    """
    kept = judged.filter(pl.col("before").is_null() | (pl.col("time") >= pl.col("before") - GRACE))
    found = set()
    for (symbol,), of_symbol in kept.sort("time", "offset").group_by("symbol"):
        times = of_symbol["time"].to_list()
        prices, offsets = of_symbol["price"].to_list(), of_symbol["offset"].to_list()
        for stop in {time // SECOND * SECOND + SECOND for time in times}:
            first, last = bisect_left(times, stop - MINUTE), bisect_left(times, stop)
            change = (prices[last - 1] - prices[first]) / prices[first]
            if abs(change) >= least and begin <= stop - MINUTE and stop <= end:
                found.add((symbol, stop - MINUTE, max(offsets[first:last])))
    return found


def games(begin: int, seed: int = 5) -> Iterator[Record]:
    """Yield the games of the same span, by player; each player plays for several teams."""
    chance = random.Random(seed)
    for at in range(begin - BEFORE, begin + HOUR + AFTER, 5 * SECOND):
        game = {"player": f"P{chance.randrange(20)}", "team": f"T{chance.randrange(7)}"}
        game |= {"won": chance.random() < 0.6, "time": at}
        yield str(game["player"]), json.dumps(game).encode(), at


def streaks(games: Iterable[Message], begin: int, end: int, least: int) -> set[tuple[str, int]]:
    """Return, for each streak in [begin, end), the game that completed it and its length.

    `games` are those of `by-team`, each partition in order; its stream time is the highest time
    so far.
    """
    in_a_row: dict[str, int] = defaultdict(int)
    stream_time: dict[int, int] = defaultdict(int)
    found = set()
    for message in games:
        game, partition = json.loads(message.value()), message.partition()
        stream_time[partition] = max(stream_time[partition], game["time"])
        in_a_row[game["team"]] = in_a_row[game["team"]] + 1 if game["won"] else 0
        if in_a_row[game["team"]] == least and begin <= stream_time[partition] < end:
            found.add((f"by-team-{partition}-{message.offset()}", least))
    return found
