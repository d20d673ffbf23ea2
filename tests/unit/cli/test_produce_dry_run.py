"""`produce --source file:PATH --dry-run`: what would be sent, and the report, without a broker."""

import json
import subprocess
import sys
from pathlib import Path

PRICES = (
    "Datum;Kurs;Name\n04.01.2021 15:30;123,45;SAP\n04.01.2021 15:31;1.123,4;SAP\n05.01.2021;x;SAP\n"
)


def test_dry_run_prints_records_and_report_and_its_exit_code(tmp_path: Path) -> None:
    """Columns are mapped by options; a third of the rows is more than may be left out."""
    path = tmp_path / "kurse.csv"
    path.write_text(PRICES)
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("faust"), "-A", "app", "produce", "--dry-run"),
            *("--source", f"file:{path}", "--map", "time=datum,price=kurs", "--map", "symbol=name"),
            *("--zone", "Europe/Berlin"),
        ],
        env={"BROKER_URL": "kafka://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    records, report = done.stdout.splitlines()[:2], done.stdout.splitlines()[2:]
    assert [json.loads(each) for each in records] == [
        {"symbol": "SAP", "price": 123.45, "time": 1_609_770_600_000, "size": 0},
        {"symbol": "SAP", "price": 1123.4, "time": 1_609_770_660_000, "size": 0},
    ]
    assert report[0] == "3 rows read"
    assert "delimiter ;" in report[1]
    assert "fields symbol=Name, price=Kurs, time=Datum; decimal mark ," in report[1]
    assert report[2:] == [
        "  time: no zone, Europe/Berlin of --zone: 2",
        "1 row left out",
        "  column Kurs: 'x' is no number: 1, the first in line 4: '05.01.2021 | x | SAP'",
    ]
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "kurse.csv: 33.3% of the rows were left out, more than 1.0% (--allow-bad)"
    )
