"""Plans of chaos: the same from the same seed, and always with a worker left."""

from itertools import islice

import chaos_input
from chaos_plan import FEED, MAX_WORKERS, QUIET, Plan, plan

PLANS = [plan(seed) for seed in range(1, 201)]


def test_the_same_seed_gives_the_same_plan_and_the_same_ticks() -> None:
    """So a failed run can be repeated."""
    assert plan(17) == plan(17)
    assert plan(17) != plan(18)
    ticks = [list(islice(chaos_input.records(plan(17)), 2_000)) for _ in range(2)]
    assert ticks[0] == ticks[1]


def worker_counts(drawn: Plan) -> list[int]:
    """Return how many workers run at first and after each action."""
    running = set(range(drawn.workers))
    numbers = [len(running)]
    for action in drawn.actions:
        assert action.worker is not None or action.kind.startswith(("broker-", "coordinator-"))
        if action.kind in {"kill", "stop"}:
            running.remove(action.worker)
        elif action.kind in {"start", "wipe"}:
            assert action.worker not in running
            running.add(action.worker)
        else:
            assert action.worker is None or action.worker in running
        numbers.append(len(running))
    return numbers


def test_plans_keep_a_worker_running_and_end_every_fault() -> None:
    """Paused workers resume, brokers return, and a worker that is down is not hit again."""
    for drawn in PLANS:
        numbers = worker_counts(drawn)
        assert 2 <= drawn.workers <= MAX_WORKERS
        assert max(numbers) <= MAX_WORKERS
        assert numbers[-1] >= 1
        kinds_done = [action.kind for action in drawn.actions]
        assert kinds_done.count("pause") == kinds_done.count("resume")
        assert kinds_done.count("broker-start") == kinds_done.count(
            "broker-kill"
        ) + kinds_done.count("broker-stop")
        assert kinds_done.count("coordinator-freeze") == kinds_done.count("coordinator-thaw") <= 1
        assert list(drawn.actions) == sorted(drawn.actions, key=lambda action: action.at)


def test_seeds_cover_every_kind_of_fault() -> None:
    """Kills, graceful stops, joins, short and long pauses, both ends of a broker, all at once."""
    descriptions = " ".join(str(each) for each in PLANS[:50])
    kinds = ["kill", "stop", "join", "pause", "wipe", "broker-kill", "broker-stop", "kill all"]
    for name in [*kinds, "freeze coordinator", "move coordinator: broker-kill"]:
        assert f" {name} " in descriptions, name
    assert any(
        len(worker_counts(each)) == 1 + len(each.actions) and 0 in worker_counts(each)
        for each in PLANS
    )
    assert all(each.actions[0].at < FEED for each in PLANS)
    assert any(each.static for each in PLANS[:20])
    alone = [each for each in PLANS[:50] if each.actions[0].kind == "stop"]
    assert any(each.actions[1].at - each.actions[0].at >= QUIET for each in alone)
