from eventfold.aggregates import Count as count  # noqa: N813
from eventfold.aggregates import Distinct as distinct  # noqa: N813
from eventfold.aggregates import First as first  # noqa: N813
from eventfold.aggregates import Last as last  # noqa: N813
from eventfold.aggregates import Max as max  # noqa: A004, N813
from eventfold.aggregates import Mean as mean  # noqa: N813
from eventfold.aggregates import Min as min  # noqa: A004, N813
from eventfold.aggregates import Sum as sum  # noqa: A004, N813
from eventfold.aggregates import TopK as top_k  # noqa: N813
from eventfold.aggregates import Variance as variance  # noqa: N813
from eventfold.aggregates import Vwap as vwap  # noqa: N813
from eventfold.aggregates import ohlc, quantile
from eventfold.operators.processor import Context
from eventfold.records.shape import Record
from eventfold.settings import Settings
from eventfold.topics import Timestamp, Topic
from eventfold.windows import (
    DefinitionError,
    at_most_every,
    cumulate,
    day,
    every_change,
    exchange,
    hopping,
    month,
    on_close,
    session,
    sliding,
    tumbling,
    week,
)
from eventfold.windows import count as count_window
from eventfold.worker.app import App

__version__: str

__all__ = [
    "App",
    "Context",
    "DefinitionError",
    "Record",
    "Settings",
    "Timestamp",
    "Topic",
    "at_most_every",
    "count",
    "count_window",
    "cumulate",
    "day",
    "distinct",
    "every_change",
    "exchange",
    "first",
    "hopping",
    "last",
    "max",
    "mean",
    "min",
    "month",
    "ohlc",
    "on_close",
    "quantile",
    "session",
    "sliding",
    "sum",
    "top_k",
    "tumbling",
    "variance",
    "vwap",
    "week",
]
