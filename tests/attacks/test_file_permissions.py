"""Files of a worker, `consume` and `up` can't be read by other users of the machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from app.transactions.database import rules_url
from app.transactions.settings import TransactionSettings
from eventfold.embedded.child import start_child
from eventfold.embedded.storage import Storage
from eventfold.private_files import make_private
from eventfold.worker.startup_checks import lock

REPOSITORY = Path(__file__).parents[2]

#: Code that creates the files that a worker, `consume` and `up` leave behind.
CREATE_FILES = """
import asyncio, os
from pathlib import Path
import app.worker
from app.transactions.database import RulesDatabase, rules_url
from app.transactions.settings import TransactionSettings
from eventfold.security.keys import keys_of
from app.settings import settings
from eventfold.connectors.csv import CsvFile
from eventfold.worker.startup_checks import lock
from eventfold.engine.store import Store

conf = settings()
held = lock(conf.data_directory)
keys_of(conf)
Store(conf.data_directory / "tables" / "candles-0").history = "of a topic"
csv = CsvFile(conf.data_directory / "prices.csv", ("time", "price"))
csv.open()

async def make_rules():
    async with RulesDatabase(rules_url(conf, TransactionSettings())):
        pass

asyncio.run(make_rules())
"""


@pytest.fixture(autouse=True)
def _permissive_umask() -> Iterator[None]:
    """Set the shell's usual umask, which lets others read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def accessible_to_others(path: Path) -> list[str]:
    """Return what another user may read, write or enter below a directory."""
    return [str(each) for each in (path, *path.rglob("*")) if each.stat().st_mode & 0o077]


def test_state_rules_keys_and_csv_files_are_private_to_their_user(tmp_path: Path) -> None:
    """Also directories and files that RocksDB and SQLite create."""
    data = tmp_path / "data"
    environment = {
        **os.environ,
        "APP_DATADIR": str(data / "worker"),
        "TICKSTREAM_WEB_TOKEN": "read-0123456789abcdef",
    }
    subprocess.run(
        [sys.executable, "-c", CREATE_FILES], cwd=REPOSITORY, env=environment, check=True
    )
    made = {each.name for each in data.rglob("*")}
    assert made >= {"web.key", "prices.csv", "prices.csv.offsets", "candles-0", "CURRENT"}
    assert made & {"tickstream-rules.db"}
    assert accessible_to_others(data) == []


def test_broker_data_is_private_to_its_user(tmp_path: Path) -> None:
    """Also files that the child process, Kafka, creates."""
    storage = Storage(tmp_path / "broker")
    storage.acquire()
    log = storage.open_log()
    try:
        child = start_child(
            ["/bin/sh", "-c", "mkdir kafka && echo 1 > kafka/log"], log, directory=storage.path
        )
        assert child.wait(30) == 0
    finally:
        os.close(log)
        storage.release()
    assert (storage.path / "kafka" / "log").exists()
    assert accessible_to_others(storage.path) == []


def test_readable_files_of_older_versions_are_made_private_at_start(tmp_path: Path) -> None:
    """Not the directory that the user has named: it may hold other files."""
    conf = Settings(APP_DATADIR=str(tmp_path / "named"))
    named, tables = conf.data_directory, conf.data_directory / "tables"
    tables.mkdir(parents=True)
    rules = tmp_path / "tickstream-rules.db"
    rules.touch()
    lock(named).close()
    rules_url(conf, TransactionSettings())
    assert [each.stat().st_mode & 0o777 for each in (named, tables, rules)] == [0o755, 0o700, 0o600]
    make_private(tmp_path / "nothing")
