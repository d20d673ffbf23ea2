"""games -> by-team -> streaks: teams that win STREAK games in a row; a map and a processor."""

import os

import eventfold as ef
from app import app

MIN_GAMES = int(os.environ.get("STREAK", "5"))


class Game(ef.Record):
    """A game that a player won or lost."""

    player: str
    team: str
    won: bool
    time: int


class Streak(ef.Record):
    """So many games that a team won in a row."""

    team: str
    games: int
    time: int


GAMES = ef.Topic("games", Game, key="player", purpose="who won")
STREAKS = ef.Topic("streaks", Streak, key="team", purpose="teams that win and win")


@app.map(GAMES, to="by-team", key="team")
def teams(game: Game) -> Game:
    """Send a game on by its team."""
    return game


@app.processor(teams, state=int, outputs=[STREAKS], retention="1d")
def streaks(state: int | None, game: Game, ctx: ef.Context) -> int:
    """Count a won game, or restart at a lost one; publish a streak that is long enough."""
    games = (state or 0) + 1 if game.won else 0
    if games == MIN_GAMES:
        ctx.send(Streak(ctx.key, games, game.time))
    return games
