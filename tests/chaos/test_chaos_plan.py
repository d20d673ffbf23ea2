"""The plans of chaos: the same from the same seed, and always such that somebody is left."""

from itertools import islice

import chaos_input
from chaos_plan import FEED, MOST_WORKERS, PEACE, Plan, plan

PLANS = [plan(seed) for seed in range(1, 201)]


def test_the_same_seed_gives_the_same_plan_and_the_same_ticks() -> None:
    """So a run that went wrong can be run again."""
    assert plan(17) == plan(17)
    assert plan(17) != plan(18)
    ticks = [list(islice(chaos_input.records(plan(17)), 2_000)) for _ in range(2)]
    assert ticks[0] == ticks[1]


def life(of: Plan) -> list[int]:
    """Return how many workers run at first and after each action."""
    running = set(range(of.workers))
    numbers = [len(running)]
    for action in of.actions:
        assert action.worker is not None or action.what.startswith(("broker-", "coordinator-"))
        if action.what in {"kill", "stop"}:
            running.remove(action.worker)
        elif action.what in {"start", "wipe"}:
            assert action.worker not in running
            running.add(action.worker)
        else:
            assert action.worker is None or action.worker in running
        numbers.append(len(running))
    return numbers


def test_somebody_is_left_and_nothing_is_left_as_it_was_broken() -> None:
    """A paused worker goes on, the broker is back, a worker that is down is not hit again."""
    for of in PLANS:
        numbers = life(of)
        assert 2 <= of.workers <= MOST_WORKERS
        assert max(numbers) <= MOST_WORKERS
        assert numbers[-1] >= 1
        done = [action.what for action in of.actions]
        assert done.count("pause") == done.count("resume")
        assert done.count("broker-start") == done.count("broker-kill") + done.count("broker-stop")
        assert done.count("coordinator-freeze") == done.count("coordinator-thaw") <= 1
        assert list(of.actions) == sorted(of.actions, key=lambda action: action.at)


def test_seeds_cover_every_kind_of_fault() -> None:
    """Kills, graceful stops, joins, short and long pauses, both ends of a broker, all at once."""
    said = " ".join(str(each) for each in PLANS[:50])
    kinds = ["kill", "stop", "join", "pause", "wipe", "broker-kill", "broker-stop", "kill all"]
    for kind in [*kinds, "freeze coordinator", "move coordinator: broker-kill"]:
        assert f" {kind} " in said, kind
    assert any(len(life(each)) == 1 + len(each.actions) and 0 in life(each) for each in PLANS)
    assert all(each.actions[0].at < FEED for each in PLANS)
    assert any(each.static for each in PLANS[:20])
    alone = [each for each in PLANS[:50] if each.actions[0].what == "stop"]
    assert any(each.actions[1].at - each.actions[0].at >= PEACE for each in alone)
