"""The tasks of a replay, without their input."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from games_application import Games, declare, fold_all

from eventfold.replay import ReplayError
from eventfold.replay.shadow import ShadowJournal
from eventfold.replay.tasks import ReplayTasks

TPS = [TopicPartition("games", n) for n in range(2)]


@pytest.fixture
def games(tmp_path: Path) -> Games:
    """Return an application whose tables are replayed."""
    return declare(tmp_path / "live", fold_all)


@pytest.fixture
async def tasks(games: Games, tmp_path: Path) -> AsyncIterator[ReplayTasks]:
    """Return its tasks, which begin with offset 7 of the first partition."""
    tables = games.app.tasks.tables
    journal = ShadowJournal([], lambda *_: None)
    found = ReplayTasks(games.app.tasks.conf, tmp_path / "stores", tables, journal, {TPS[0]: 7})
    yield found
    found.failed.cancel()
    await found.stop_all()


async def test_tasks_start_at_the_begin_of_their_history(tasks: ReplayTasks) -> None:
    """All of them run, and settling returns at once where no record is open."""
    await tasks.open_all(TPS)
    running = [tasks.running(tp) for tp in TPS]
    assert [task.next_offset for task in running if task is not None] == [7, 0]
    await tasks.settle(TPS)
    assert not tasks.failed.done()


async def test_task_that_cannot_be_opened_ends_the_replay(
    tasks: ReplayTasks, tmp_path: Path
) -> None:
    """The error has its name and the reason; a worker would retry for ever."""
    (tmp_path / "stores").write_text("no directory")
    opening = tasks.add_future(tasks.open_all(TPS))
    with pytest.raises(ReplayError, match=r"^games-[01]: FileExistsError"):
        await tasks.failed
    opening.cancel()
