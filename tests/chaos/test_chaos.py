"""Nothing lost, nothing counted twice: workers and broker are killed, paused, stopped, replaced.

A shorter form of `make chaos RUNS=50`. Between them these seeds have every kind of fault but the
death of all workers at once; what is wrong can be run again with `make chaos SEED=...`.
"""

from pathlib import Path

import pytest
from chaos_plan import plan
from chaos_run import run


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 6])
def test_the_results_are_right_whatever_happens(seed: int, tmp_path: Path) -> None:
    """All windows, finals, rankings, late ticks and dead letters are there once, and right."""
    result = run(plan(seed), tmp_path / f"seed-{seed}")
    assert result.problems == [], f"{result}\n" + "\n".join(result.problems)
    assert result.verdict.finals > 1_000
    assert result.verdict.rankings > 0
    assert result.others > 1_000
