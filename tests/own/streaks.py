"""games -> by-team -> streaks: teams that win STREAK games in a row; a step and a keyed table."""

import os
from collections.abc import AsyncIterable

from msgspec import Struct

from app import app
from eventfold.engine.batch import Batch
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.stateless import StatelessOperator
from eventfold.operators.processor import Context, Sender
from eventfold.topics import Topic

MIN_GAMES = int(os.environ.get("STREAK", "5"))


class Game(Struct):
    """A game that a player won or lost."""

    player: str
    team: str
    won: bool
    time: int


class Streak(Struct):
    """So many games that a team won in a row."""

    team: str
    games: int
    time: int


class Streaks:
    """Processor whose state is how many games in a row a team has won."""

    def on_record(self, state: int | None, game: Game, context: Context) -> int | None:
        """Count a won game, or restart at a lost one; publish a streak that is long enough."""
        games = (state or 0) + 1 if game.won else 0
        if games == MIN_GAMES:
            context.send(Streak(context.key, games, game.time))
        return games

    def on_time(self, state: int, context: Context) -> int | None:
        """Nothing to do: no timer is set."""
        del context
        return state

    def on_shared(self, record: Game, context: Context) -> None:
        """Nothing to do: each game has a team."""


GAMES = Topic("games", Game, key="player", purpose="who won")
BY_TEAM = Topic("by-team", Game, key="team", purpose="the same by team")
STREAKS = Topic("streaks", Streak, key="team", purpose="teams that win and win")


def by_team(game: Game, sender: Sender) -> None:
    """Send a game on by its team."""
    sender.send(game)


teams = StatelessOperator(
    app, name="teams", source=GAMES, make=by_team, outputs=[BY_TEAM], help="Games by team"
)
streaks = KeyedTable(
    app,
    name="streaks",
    source=BY_TEAM,
    process=Streaks(),
    state=int,
    outputs=[STREAKS],
    retention=86_400_000,
    help="How many games in a row a team has won",
)


@app.agent(app.batches(GAMES))
async def send_games_on(batches: AsyncIterable[Batch]) -> None:
    """Send games on by team."""
    async for batch in batches:
        await teams.fold(batch)


@app.agent(app.batches(BY_TEAM))
async def find_streaks(batches: AsyncIterable[Batch]) -> None:
    """Fold games into the streaks of their teams."""
    async for batch in batches:
        await streaks.fold(batch)
