"""Records of any kind in any source topic: each is accounted for, and valid ones are accepted.

The short form of `make fuzz MINUTES=60`: some fixed seeds, and a random one.
"""

from random import SystemRandom

import pytest
from record_fuzz import run

from eventfold.native import extension

#: Each found a bug once: an empty symbol in a row, a rule with too long an id, sums beyond 64 bits,
#: rows and results that are too large for a broker.
SEEDS = [2, 111, 119, 118]

ANY_SEED = SystemRandom().randrange(10**9)


@pytest.mark.parametrize("native", [False, True], ids=["pure", "native"])
@pytest.mark.parametrize("seed", [*SEEDS, pytest.param(ANY_SEED, id="random")])
def test_every_record_is_accounted_for_and_valid_ones_are_accepted(seed: int, native: bool) -> None:
    """No task fails; each record is in a window or an output, late, or a dead letter, once."""
    if native and extension() is None:
        pytest.skip("the native extension is not installed: make native")
    result = run(seed, native=native)
    assert result.records > 1_000
    assert not result.problems, f"seed {seed}, native {native}: {result.problems}"
