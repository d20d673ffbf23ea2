"""The same calls write the same topics, byte by byte: a failure can be reproduced."""

import os
import subprocess
import sys
from pathlib import Path

from repeatable_run import run_pipeline

SCRIPT = Path(__file__).with_name("repeatable_run.py")
REPOSITORY = Path(__file__).parents[2]


def test_two_runs_in_one_process_write_identical_topics() -> None:
    """Offsets, timestamps, headers, keys and values agree, through crashes and rebalances."""
    assert run_pipeline() == run_pipeline()


def test_runs_in_two_processes_write_identical_topics() -> None:
    """They do not depend on the hashes of strings, which differ from process to process."""
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
