"""The gains of all symbols, day by day, in one partition.

Written by `agents/gainers.py`; read by the web's `/api/top-gainers`.
"""

from app import app
from app.calc.gains import day_of, start_of, top
from app.records import DailyGain, Gainer, TopGainers
from app.settings import DAY, settings
from app.state.group_table import GroupResult, GroupTable
from app.topics import DAILY_GAINS, TICKS


def _gainer(gain: DailyGain) -> Gainer:
    return Gainer(gain.symbol, gain.gain, gain.open, gain.last, gain.time)


def ranking(result: GroupResult) -> TopGainers:
    """Make the record of one day: its ten best."""
    return TopGainers(result.key, top(result.rows), result.time, result.revision)


class Gainers(GroupTable):
    """Gains by day and symbol."""

    def top(self, day: str | None = None) -> TopGainers | None:
        """Give the ten best of a day (YYYY-MM-DD), of the latest if None; None if unknown here."""
        return self.group_record(None if day is None else start_of(day))

    def days(self) -> list[str]:
        """Give the days known here, oldest first."""
        return self.period_names()


gainers = Gainers(
    app,
    name="gainers",
    source=DAILY_GAINS,
    group=lambda gain: start_of(gain.day),
    period=DAY.size,
    period_name=day_of,
    row=_gainer,
    row_type=Gainer,
    record=ranking,
    origin=lambda gain: (gain.partition, gain.stream_time),
    inputs=range(TICKS.partition_count()),
    retention=settings().retention,
    help="The gains of all symbols, day by day; the ten best are top-gainers",
)
