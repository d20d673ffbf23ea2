"""Description of the machine of a comparison, and of the versions that all contestants share."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

from app.settings import settings
from eventfold import native
from eventfold.embedded import java
from eventfold.embedded.jars import VERSION

CPUS = Path("/proc/cpuinfo")


def describe() -> dict[str, str | int]:
    """Describe the machine, for comparisons between machines."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "java": _java(),
        "kafka": VERSION,
        "tickstream": commit(),
        "candles": native.in_words(settings()),
    }


def commit() -> str:
    """Return the commit of the checkout, with a + if files have changed since."""
    return _output_of(["git", "describe", "--always", "--dirty=+"]) or "unknown"


def format_machine(machine: dict[str, str | int]) -> str:
    """Format the machine in one line."""
    memory = int(machine["memory_bytes"]) / 2**30
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {memory:.0f} GiB, {machine['kernel']}; "
        f"Kafka {machine['kafka']}, Java {machine['java']}, Python {machine['python']}"
    )


def _cpu() -> str:
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _java() -> str:
    return _output_of([str(java.find()), "--version"]).partition("\n")[0]


def _output_of(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
