"""Eventfold: fold the events of Kafka topics into windows, exactly once.

    import eventfold as ef

    app = ef.App("visits")

    class Visit(ef.Record):
        page: str
        seconds: int
        time: int  # event time, ms

    visits = ef.Topic("visits", Visit, key="page")
    pages = app.window_table(
        "pages", visits, ef.hopping("5m", "1m"), grace="1m",
        visits=ef.count(), longest=ef.max("seconds"), mean=ef.mean("seconds"),
    )
    pages.publish("page-times")

`faust -A visits worker` runs it. docs/streams.md describes each name. Names are loaded when they
are first used: `eventfold.windows` and `eventfold.aggregates` are pure event-time mathematics and
load neither Faust nor a Kafka client.

>>> import eventfold as ef
>>> str(ef.hopping("15m", "1m"))
'15m/1m'
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# `__init__.pyi` has the same names for type checkers.
#: Module → names here, each with the name there if it is another.
_NAMES: dict[str, dict[str, str]] = {
    "eventfold.worker.app": {"App": ""},
    "eventfold.topics": {"Topic": "", "Timestamp": ""},
    "eventfold.records.shape": {"Record": ""},
    "eventfold.settings": {"Settings": ""},
    "eventfold.operators.processor": {"Context": ""},
    "eventfold.windows": {
        **dict.fromkeys(("tumbling", "hopping", "sliding", "session", "cumulate"), ""),
        **dict.fromkeys(("day", "week", "month", "exchange"), ""),
        **dict.fromkeys(("on_close", "every_change", "at_most_every", "DefinitionError"), ""),
        "count_window": "count",
    },
    "eventfold.aggregates": {
        "count": "Count",
        "sum": "Sum",
        "mean": "Mean",
        "min": "Min",
        "max": "Max",
        "first": "First",
        "last": "Last",
        "variance": "Variance",
        "vwap": "Vwap",
        "distinct": "Distinct",
        "top_k": "TopK",
        "ohlc": "",
        "quantile": "",
    },
}
_PLACES = {name: (at, there or name) for at, each in _NAMES.items() for name, there in each.items()}

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


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = _PLACES[name]
    found = globals()[name] = getattr(import_module(module), there)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
