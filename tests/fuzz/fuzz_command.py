"""`make fuzz MINUTES=60`: odd records of every topic, one run after another until time is up.

SEED=17 replays that run alone. Seeds begin at random, and are printed; those that are even fold
natively, where the extension is installed.
"""

import os
import sys
import time
from random import SystemRandom

from record_fuzz import Result, run

from eventfold.native import extension


def main() -> int:
    """Return 1 if anything was wrong."""
    given = os.environ.get("SEED")
    if given:
        return _report([_run(int(given))])
    seed, until = (
        SystemRandom().randrange(10**9),
        time.monotonic() + 60 * float(os.environ["MINUTES"]),
    )
    results: list[Result] = []
    while time.monotonic() < until:
        results.append(_run(seed + len(results)))
    return _report(results)


def _run(seed: int) -> Result:
    result = run(seed, native=seed % 2 == 0 and extension() is not None)
    folded = "natively" if result.native else "by pure Python"
    _print_line(f"seed {seed}, {folded}: {result.records:,} records, {result.dead:,} dead letters")
    for problem in result.problems:
        _print_line(f"    {problem[:1_000]}")
    if result.problems:
        _print_line(f"    again: make fuzz SEED={seed}")
    return result


def _report(results: list[Result]) -> int:
    wrong = [result.seed for result in results if result.problems]
    records, dead = sum(r.records for r in results), sum(r.dead for r in results)
    summary = f"WRONG: seeds {', '.join(map(str, wrong))}" if wrong else "nothing wrong"
    _print_line(f"{len(results)} runs, {records:,} records, {dead:,} dead letters: {summary}")
    return 1 if wrong else 0


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
