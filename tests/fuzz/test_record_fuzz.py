"""Records of any kind in any source topic: each is accounted for and right ones are taken.

The short form of `make fuzz MINUTES=60`: some fixed seeds, and one that is another each time.
"""

from random import SystemRandom

import pytest
from record_fuzz import run

from eventfold.native import extension

#: Found something once, each of another kind: an empty symbol in a row, a rule with too long an
#: id, sums beyond 64 bits, rows and results that no broker takes.
SEEDS = [2, 111, 119, 118]

ANY_SEED = SystemRandom().randrange(10**9)


@pytest.mark.parametrize("native", [False, True], ids=["pure", "native"])
@pytest.mark.parametrize("seed", [*SEEDS, pytest.param(ANY_SEED, id="random")])
def test_each_odd_record_is_accounted_for_and_right_ones_are_taken(seed: int, native: bool) -> None:
    """No task fails; a record is in a window or an output, late, or a dead letter, once."""
    if native and extension() is None:
        pytest.skip("the native extension is not installed: make native")
    result = run(seed, native=native)
    assert result.records > 1_000
    assert not result.problems, f"seed {seed}, native {native}: {result.problems}"
