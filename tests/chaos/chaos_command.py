"""`make chaos`: run the plans of seeds, print a line for each, and report problems.

SEED=17 runs one seed, RUNS=50 the seeds 1 to 50. The faults, their times and the ticks follow from
the seed; the state of each process at a fault does not, so a replay has the same faults, but not at
the same microsecond.
"""

import os
import sys
from pathlib import Path

from chaos_plan import plan
from chaos_run import Result, run

#: Directory of logs and data of runs; those of a failed run are kept.
DIRECTORY = Path("data/chaos")


def main() -> int:
    """Run the plans; return 1 if anything was wrong, else 0."""
    wrong = []
    results = []
    for seed in _seeds():
        result = run(plan(seed), DIRECTORY / f"seed-{seed}")
        results.append(result)
        _print_lines(str(result))
        if result.problems:
            wrong.append(seed)
            _print_lines(*(f"    {problem}" for problem in result.problems))
            _print_lines(
                f"    logs and data: {DIRECTORY / f'seed-{seed}'}; again: make chaos SEED={seed}"
            )
    _print_lines(_total(results, wrong))
    return 1 if wrong else 0


def _seeds() -> range:
    seed = os.environ.get("SEED")
    return range(int(seed), int(seed) + 1) if seed else range(1, 1 + int(os.environ["RUNS"]))


def _total(results: list[Result], wrong: list[int]) -> str:
    found = [result.verdict for result in results]
    return (
        f"{len(results)} runs, {sum(len(result.plan.faults) for result in results)} faults: "
        f"{sum(v.ticks for v in found):,} ticks; "
        f"{sum(v.windows for v in found):,} windows, {sum(v.wrong_windows for v in found)} wrong; "
        f"{sum(v.rankings for v in found):,} top-10s, "
        f"{sum(v.wrong_rankings for v in found)} wrong; "
        f"{sum(v.results for v in found):,} results, {sum(v.duplicates for v in found)} twice; "
        f"{sum(v.finals for v in found):,} finals; "
        f"{sum(r.others for r in results):,} results of other pipelines; "
        f"{sum(r.seconds for r in results):.0f} s, "
        f"{max((r.seconds for r in results), default=0):.0f} s a seed at most; "
        + (f"WRONG: seeds {', '.join(map(str, wrong))}" if wrong else "nothing wrong")
    )


def _print_lines(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
