"""`faust -A app completion`: a shell that has read it completes what is typed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eventfold.cli.commands.completion import _CALLS, get_completion_class, script

REPOSITORY = Path(__file__).parents[3]

#: What bash does when TAB is pressed behind each of the lines given.
PRESS_TAB = """
eval "$(faust -A app completion bash)"
for line in "$@"; do
    read -ra COMP_WORDS <<< "$line"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _faust_completion faust
    echo "${COMPREPLY[@]}"
done
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_bash_completes_our_commands_and_their_options() -> None:
    """Those of the application that `-A` names, which Faust itself does not know."""
    typed = {"-A app expl": "explain", "-A app produce --format p": "price"}
    found = subprocess.run(
        ["bash", "-c", PRESS_TAB, "bash", *(f"faust {line}" for line in typed)],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == list(typed.values())


@pytest.mark.parametrize("shell", _CALLS)
def test_each_script_passes_the_line_typed_so_far(shell: str) -> None:
    """Click's own scripts pass the program's name alone."""
    kind = get_completion_class(shell)
    assert kind is not None
    assert f"_FAUST_COMPLETE={shell}_complete" in script(kind)
    assert "%(" not in script(kind)
