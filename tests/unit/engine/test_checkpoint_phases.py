"""Times of the checkpoints of a worker's tasks: not all at once."""

from itertools import pairwise

import pytest

from app.worker import TickApp


@pytest.mark.parametrize("tasks", [2, 3, 5, 8, 12, 16, 32])
def test_checkpoints_are_spread_over_the_interval_whatever_the_number_of_tasks(
    application: TickApp, tasks: int
) -> None:
    """No part of it that is twice as long as with an even spread is without one."""
    phases = sorted(application.tasks.next_phase() for _ in range(tasks))
    gaps = [later - earlier for earlier, later in pairwise([*phases, phases[0] + 1])]
    assert max(gaps) < 2 / tasks
