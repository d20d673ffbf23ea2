"""The same calls make the same topics, byte by byte: a failure can be repeated."""

import os
import subprocess
import sys
from pathlib import Path

from one_life import live

SCRIPT = Path(__file__).with_name("one_life.py")
REPOSITORY = Path(__file__).parents[2]


def test_two_runs_in_a_process_are_alike() -> None:
    """Offsets, timestamps, headers, keys and values, through crashes and rebalances."""
    assert live() == live()


def test_two_processes_are_alike() -> None:
    """Whatever the hashes of their strings, which differ from one process to the next."""
    digests = {
        subprocess.run(
            [sys.executable, SCRIPT],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
