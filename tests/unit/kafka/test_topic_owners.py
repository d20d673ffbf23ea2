"""Owners of topics: which application may write a topic."""

import pytest

from app.settings import Settings
from eventfold.kafka.owners import Evidence, OwnerError, demand_claimable, owns, unowned
from eventfold.records import TopicOwner

DEMO = Settings(TICKSTREAM_APP_ID="demo")
BIKES = Settings(TICKSTREAM_APP_ID="bikes")


def owned_by(conf: Settings, *topics: str) -> dict[str, TopicOwner]:
    """Return the owners where an application has claimed these topics."""
    return {name: TopicOwner(name, conf.app_id, conf.topic_prefix, 1) for name in topics}


def test_only_topics_without_an_owner_are_claimed() -> None:
    """Those of the application itself are not claimed again."""
    owners = owned_by(DEMO, "candles")
    assert unowned(["candles", "surges"], owners, DEMO) == ["surges"]
    assert owns("candles", owners, DEMO)
    assert not owns("surges", owners, DEMO)
    assert not owns("candles", owners, BIKES)


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        (["a"], "topic a belongs"),
        (["a", "b"], "topics a and b belong"),
        (["a", "b", "c"], "topics a, b and c belong"),
        (["a", "b", "c", "d", "e"], "topics a, b, c and 2 more belong"),
    ],
)
def test_topic_of_another_application_is_rejected_with_its_owner(
    topics: list[str], words: str
) -> None:
    """One line names the owner and what to do, however many topics there are."""
    with pytest.raises(OwnerError) as refused:
        unowned([*topics, "own"], owned_by(DEMO, *topics), BIKES)
    assert str(refused.value) == (
        f"{words} to application demo: set TICKSTREAM_TOPIC_PREFIX, which makes outputs of its own "
        "for bikes, or leave out what writes to them (TICKSTREAM_PIPELINES, TICKSTREAM_MODULES)"
    )


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("written", [False, True])
def test_topic_without_an_owner_is_claimed_unless_another_app_wrote_it(
    *, filled: bool, written: bool
) -> None:
    """Older versions recorded no owner: the application that has rows of its table wrote it."""
    evidence = Evidence(["out"] if filled else [], ["out"] if written else [])
    if filled and not written:
        with pytest.raises(OwnerError, match=r"topic out holds records that application demo has"):
            demand_claimable(["out", "other"], evidence, DEMO)
    else:
        demand_claimable(["out", "other"], evidence, DEMO)


def test_topic_prefix_of_an_application_can_not_change() -> None:
    """Otherwise its workers would write to two sets of topics, a part to each."""
    prefixed = Settings(TICKSTREAM_APP_ID="demo", TICKSTREAM_TOPIC_PREFIX="eu.")
    owners = owned_by(DEMO, "candles")
    with pytest.raises(OwnerError, match=r"TICKSTREAM_TOPIC_PREFIX=eu\.: set it as it was, or"):
        unowned(["eu.candles"], owners, prefixed)
    eu_bikes = Settings(TICKSTREAM_APP_ID="bikes", TICKSTREAM_TOPIC_PREFIX="eu.")
    assert unowned(["eu.candles"], owners, eu_bikes) == ["eu.candles"]
