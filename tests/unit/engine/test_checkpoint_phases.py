"""Phases of the checkpoints of a worker's tasks: they are spread over the interval."""

from itertools import pairwise

import pytest

from app.worker import TickApp


@pytest.mark.parametrize("tasks", [2, 3, 5, 8, 12, 16, 32])
def test_checkpoints_are_spread_over_the_interval_for_any_number_of_tasks(
    application: TickApp, tasks: int
) -> None:
    """No gap between two checkpoints is twice as long as with an even spread."""
    phases = sorted(application.tasks.next_phase() for _ in range(tasks))
    gaps = [later - earlier for earlier, later in pairwise([*phases, phases[0] + 1])]
    assert max(gaps) < 2 / tasks
