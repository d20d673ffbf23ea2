"""The CSV file and its side-car: their content after every way to stop."""

import errno
import os
from pathlib import Path

import pytest

from eventfold.connectors.csv import CsvFile, UnusableFileError

COLUMNS = ("time", "price")
HEADER = "time,price\n"
ONE, TWO, THREE = [(f"2024-01-0{n} 00:00:00", f"{n}.5") for n in (1, 2, 3)]
P0, P1 = "ticks-0", "ticks-1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that isn't there."""
    return tmp_path / "data.csv"


def opened(path: Path) -> CsvFile:
    """Open the file at `path`."""
    file = CsvFile(path, COLUMNS)
    file.open()
    return file


def written(path: Path) -> None:
    """Make a file of one committed row."""
    file = opened(path)
    file.append([ONE], P0, 1)
    file.commit()
    file.close()


def crash(path: Path) -> None:
    """Leave a file with one committed row and one and a half that were not."""
    written(path)
    with path.open("a") as file:
        file.write("2024-01-02 00:00:00,2.5\n2024-01-03 00")


def test_a_new_file_has_a_header_and_no_offsets(path: Path) -> None:
    """The file can be read before the first record."""
    opened(path).close()
    assert path.read_text() == HEADER


def test_rows_are_appended_under_one_header(path: Path) -> None:
    """A file that is opened again continues where it stopped, offsets included."""
    written(path)
    file = opened(path)
    assert file.offsets == {P0: 1}
    file.append([TWO], P1, 8)
    file.append([THREE], P0, 5)
    file.commit()
    file.close()
    assert path.read_text() == (
        HEADER + "2024-01-01 00:00:00,1.5\n2024-01-02 00:00:00,2.5\n2024-01-03 00:00:00,3.5\n"
    )
    file = opened(path)
    file.close()
    assert file.offsets == {P0: 5, P1: 8}


def test_uncommitted_rows_of_a_crash_are_cut_off(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole rows too: their records will be read again, and would be written twice."""
    crash(path)
    file = opened(path)
    file.close()
    assert path.read_text() == HEADER + "2024-01-01 00:00:00,1.5\n"
    assert file.offsets == {P0: 1}
    assert "truncated 37 bytes" in caplog.text


def test_a_crash_before_the_first_commit_leaves_a_header(path: Path) -> None:
    """The side-car exists from the start, without offsets."""
    file = opened(path)
    file.append([ONE] * 10_000, P0, 10_000)
    file.close()  # its buffer goes to disk, as a kernel may have done
    file = opened(path)
    file.close()
    assert path.read_text() == HEADER
    assert file.offsets == {}


def test_a_failed_write_leaves_what_was_committed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk stops the sink; the side-car has the committed offsets."""
    written(path)
    file = opened(path)
    file.append([TWO], P0, 2)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            file.commit()
    file.close()
    again = opened(path)
    again.close()
    assert again.offsets == {P0: 1}
    assert path.read_text() == HEADER + "2024-01-01 00:00:00,1.5\n"


def test_a_file_without_a_side_car_is_appended_to(path: Path) -> None:
    """As the guide's script leaves one, with its own line ends."""
    path.write_bytes(b"time,price\r\n2024-01-01 00:00:00,1.5\r\n")
    written(path)
    assert path.read_bytes().splitlines() == [
        b"time,price",
        b"2024-01-01 00:00:00,1.5",
        b"2024-01-01 00:00:00,1.5",
    ]


@pytest.mark.parametrize("rows", [0, 1, 10_000])
def test_an_incomplete_last_line_without_a_side_car_is_cut_off(path: Path, rows: int) -> None:
    """However long the file is, and if nothing of it is left but the header."""
    whole = HEADER + "2024-01-01 00:00:00,1.5\n" * rows
    path.write_text(whole + "2024-01-02 0")
    opened(path).close()
    assert path.read_text() == whole


def test_incomplete_header_is_replaced(path: Path) -> None:
    """A file of `time,pr` holds nothing yet."""
    path.write_text("time,pr")
    opened(path).close()
    assert path.read_text() == HEADER


def test_rotated_file_continues_at_the_same_offsets(path: Path) -> None:
    """The rows of the old file are not written to the new one."""
    written(path)
    path.rename(path.with_name("old.csv"))
    file = opened(path)
    file.close()
    assert path.read_text() == HEADER
    assert file.offsets == {P0: 1}


def test_file_with_another_header_is_left_alone(path: Path) -> None:
    """It belongs to another program."""
    path.write_text("symbol,price\nA,1\n")
    with pytest.raises(UnusableFileError, match="first line is not time,price"):
        CsvFile(path, COLUMNS).open()
    assert path.read_text() == "symbol,price\nA,1\n"


@pytest.mark.parametrize("content", [HEADER, HEADER + "2024-01-01 00:00:00,1.55\n"])
def test_a_file_changed_by_another_program_is_left_alone(path: Path, content: str) -> None:
    """It is shorter than the side-car says, or has another end of its last line."""
    written(path)
    path.write_text(content)
    with pytest.raises(UnusableFileError, match="changed by another program"):
        CsvFile(path, COLUMNS).open()
    assert path.read_text() == content


def test_unreadable_side_car_is_rejected(path: Path) -> None:
    """The sink does not start from the beginning."""
    written(path)
    path.with_name("data.csv.offsets").write_text("{}")
    with pytest.raises(UnusableFileError, match=r"data\.csv\.offsets: not written by this sink"):
        CsvFile(path, COLUMNS).open()


def test_two_processes_can_not_write_to_one_file(path: Path) -> None:
    """The second gets an error; when the first has stopped, it may."""
    first = opened(path)
    with pytest.raises(UnusableFileError, match="another process"):
        CsvFile(path, COLUMNS).open()
    first.close()
    opened(path).close()
