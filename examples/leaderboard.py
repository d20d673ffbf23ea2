"""A leaderboard: the ten players with the most points of each day in Berlin, with their country."""

import eventfold as ef

app = ef.App("leaderboard")


class Score(ef.Record):
    """A player scored points."""

    player: str
    points: int
    time: int


class Player(ef.Record):
    """A player's country."""

    player: str
    country: str
    time: int


class CountryScore(ef.Record):
    """A score, with the player's country."""

    player: str
    country: str
    points: int
    time: int


scores = ef.Topic("scores", Score, key="player")
players = app.table(ef.Topic("players", Player, key="player", compacted=True))


@app.join(scores, players, how="left", to="country-scores")
def country_scores(score: Score, player: Player | None) -> CountryScore:
    """Return the score with the country that is known of its player."""
    return CountryScore(score.player, player.country if player else "?", score.points, score.time)


days = app.window_table(
    "player-days",
    country_scores,
    ef.day("Europe/Berlin"),
    grace="1h",
    retention="7d",
    points=ef.sum("points"),
    country=ef.last("country"),
)
leaderboard = app.top(days, by="points", k=10, to="leaderboard")
