"""`faust -A app password`: hashes that the settings accept."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import Settings
from eventfold.security.passwords import is_right

FAUST = Path(sys.executable).with_name("faust")


def run_password_command(password: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a password in a pipe."""
    return subprocess.run(
        [FAUST, "-A", "app", "password"],
        cwd=Path(__file__).parents[3],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_hash_of_a_piped_password_is_accepted_by_the_settings() -> None:
    """It is printed alone on its line, and differs each time."""
    first, second = (run_password_command("horse-battery") for _ in range(2))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout != second.stdout
    (line,) = first.stdout.splitlines()
    (user,) = Settings(TICKSTREAM_WEB_USERS=f"ann:read:{line}").users
    assert user.name == "ann"
    assert is_right("horse-battery", user.password)


@pytest.mark.parametrize("password", ["", "short"])
def test_a_password_that_the_settings_refuse_is_not_hashed(password: str) -> None:
    """The command ends with 2 and one line."""
    done = run_password_command(password)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "a password has at least 8 characters\n"
