"""Run `faust -A app ...` as a user does."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Faust = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def faust() -> Iterator[Faust]:
    """Start `faust -A app` with arguments, and environment variables by keyword; kill it later."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "faust", "-A", "app", *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
