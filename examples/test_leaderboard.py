"""A leaderboard, in a driver."""

from leaderboard import Player, Score, app, leaderboard, players, scores

from eventfold.testing import TopologyDriver


def test_ranking_of_the_day_has_points_countries_and_ties_by_name() -> None:
    """A correction of the sums corrects the ranking."""
    with TopologyDriver(app, partitions=2) as driver:
        now = driver.now
        driver.pipe(players.topic, Player("Ada", "DE", now))
        driver.settle()
        driver.pipe(scores, *[Score(f"p{n:02}", n, now) for n in range(1, 13)])
        driver.pipe(scores, Score("Ada", 5, now), Score("Ada", 20, now + 1))
        driver.settle()
        (output,) = leaderboard.topics
        rank = driver.read(output)[-1].rank
        assert [(each.player, each.country, each.points) for each in rank[:2]] == [
            ("Ada", "DE", 25),
            ("p12", "?", 12),
        ]
        assert [each.player for each in rank[2:]] == [f"p{n:02}" for n in range(11, 3, -1)]
