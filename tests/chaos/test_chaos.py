"""No record is lost or counted twice while workers and broker are killed, paused and replaced.

A shorter form of `make chaos RUNS=50`. This seed has every kind of fault but the kill of all
workers at once: an undisturbed stop, a clean stop of the broker, a kill, pauses of 8.5 s (longer
than a session) and 2.4 s, a frozen coordinator, a worker that joins, a lost disk. A failure can be
repeated with `make chaos SEED=...`.
"""

from pathlib import Path

import pytest
from chaos_plan import plan
from chaos_run import run


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [53978])
def test_results_are_exact_through_random_faults(seed: int, tmp_path: Path) -> None:
    """All windows, finals, rankings, late ticks and dead letters are there once, and right."""
    result = run(plan(seed), tmp_path / f"seed-{seed}")
    assert result.problems == [], f"{result}\n" + "\n".join(result.problems)
    assert result.verdict.finals > 1_000
    assert result.verdict.rankings > 0
    assert result.others > 1_000
