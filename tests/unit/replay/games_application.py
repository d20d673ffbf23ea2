"""A custom application that live has run: a stateless operator, a keyed table, and agents."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from memory_broker import MemoryBroker
from msgspec import Struct

from app.settings import Settings
from app.worker import TickApp
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.stateless import StatelessOperator
from eventfold.kafka.tables import TaskTableManager
from eventfold.operators.processor import Context, Sender
from eventfold.replay import Interval, Report, Watch, replay, select
from eventfold.replay.history import History
from eventfold.testing import TopologyDriver
from eventfold.topics import Timestamp, Topic

MINUTE, HOUR = 60_000, 3_600_000

#: 2026-01-31T10:00Z, and the hour that begins then.
BEGIN = 1_769_853_600_000
INTERVAL = Interval(BEGIN, BEGIN + HOUR)

GAMES, TEAMS = 240, "RGB"


class Game(Struct):
    """A player won or lost a game."""

    player: str
    team: str
    won: bool
    time: int


class Streak(Struct):
    """A team has won so many games in a row."""

    team: str
    games: int
    time: int


class Streaks:
    """The state of a team is the number of games in a row that it has won."""

    least = 2

    def on_record(self, state: int | None, game: Game, context: Context) -> int | None:
        """Count on, or from the start; publish a streak that is long enough."""
        games = (state or 0) + 1 if game.won else 0
        if games >= self.least:
            context.send(Streak(context.key, games, game.time))
        return games

    def on_time(self, state: int, context: Context) -> int | None:
        """Nothing to do: no timer is set."""
        del context
        return state

    def on_shared(self, record: Game, context: Context) -> None:
        """Nothing to do: each game has a team."""


class Games(NamedTuple):
    """The application and its topics."""

    app: TickApp
    games: Topic
    by_team: Topic
    streaks: Topic
    process: Streaks


def declare(
    directory: Path,
    fold: Callable[[AsyncIterable[Batch], StatelessOperator], Any],
    *,
    time: str | Timestamp = "time",
    **of_streaks: Any,
) -> Games:
    """Declare games -> by-team -> streaks, a topic `of_streaks`; `fold` is the agent of games.

    `time` is the source of the time of a game.
    """
    conf = Settings(
        APP_DATADIR=directory,
        TICKSTREAM_APP_ID="games",
        TICKSTREAM_CHECKPOINT_INTERVAL="20ms",
        # A replay of the second hour begins with the first.
        TICKSTREAM_MAX_AHEAD="1h",
    )
    app = TickApp(conf, broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    games = Topic("games", "player", Game, "who won", partitions=2, time=time)
    by_team = Topic("by-team", "team", Game, "the same by team", partitions=2)
    streaks = Topic("streaks", "team", Streak, "they win and win", 2, **of_streaks)
    process = Streaks()

    def send(game: Game, sender: Sender) -> None:
        sender.send(game)

    teams = StatelessOperator(
        app, name="teams", source=games, make=send, outputs=[by_team], help="By team"
    )
    table = KeyedTable(
        app,
        name="streaks",
        source=by_team,
        process=process,
        state=int,
        outputs=[streaks],
        retention=24 * HOUR,
        help="Games in a row",
    )

    @app.agent(app.batches(games))
    async def send_games_on(batches: AsyncIterable[Batch]) -> None:
        await fold(batches, teams)

    @app.agent(app.batches(by_team))
    async def find_streaks(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    return Games(app, games, by_team, streaks, process)


async def fold_all(batches: AsyncIterable[Batch], teams: StatelessOperator) -> None:
    """Fold every batch, as an agent should."""
    async for batch in batches:
        await teams.fold(batch)


def play_games(games: Games, players: int = 7) -> MemoryBroker:
    """Fold two hours of games in live, one every 30 s; the second hour is to be replayed.

    A player's games are in one partition, so those of a single player are folded in their order.
    """
    with TopologyDriver(games.app, start=BEGIN + 24 * HOUR) as driver:
        for n in range(GAMES + 1):
            time = BEGIN - HOUR + n * MINUTE // 2
            game = Game(f"p{n % players}", TEAMS[n % 3], n % 5 != 0, time)
            driver.pipe(games.games, game, timestamp=time)
        driver.settle()
        broker = MemoryBroker(driver)
    for topic in games.by_team, games.streaks:
        for record in broker.records(topic.base_name):
            # As if live had run when the games were played.
            record.timestamp = msgspec.json.decode(record.value or b"", type=topic.value).time
    return broker


class NoProgress:
    """Progress that is not shown."""

    def planned(self, histories: Sequence[History]) -> None:
        """Ignore it."""

    def replayed(self, done: int, total: int) -> None:
        """Ignore it."""

    def compared(self, done: int, total: int) -> None:
        """Ignore it."""


async def run_replay(
    games: Games,
    broker: MemoryBroker,
    *topics: str,
    rederive: bool = False,
    warm_up: int | None,
    watch: Watch | None = None,
) -> Report:
    """Replay the interval."""
    with broker.as_only_broker():
        return await replay(
            games.app,
            select(games.app, topics, rederive=rederive),
            INTERVAL,
            warm_up=warm_up,
            conf=games.app.tasks.conf,
            watch=watch or NoProgress(),
        )
