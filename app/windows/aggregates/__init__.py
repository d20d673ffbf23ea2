"""Aggregates: what a pane keeps of the records in it; those there are, and what makes one."""

from app.windows.aggregates.counts import Count, CountState
from app.windows.aggregates.distinct import Distinct
from app.windows.aggregates.ends import First, FirstState, Last, LastState
from app.windows.aggregates.exact import Exact
from app.windows.aggregates.extremes import ExtremeState, Max, Min
from app.windows.aggregates.packed import Packed
from app.windows.aggregates.protocol import Aggregate, layout_of, value_of
from app.windows.aggregates.quantiles import Quantiles, QuantilesState
from app.windows.aggregates.several import Several
from app.windows.aggregates.sums import Mean, MeanState, Sum, SumState
from app.windows.aggregates.topk import Top, TopK, TopKState
from app.windows.aggregates.variance import Variance, VarianceState
from app.windows.aggregates.vwap import Vwap, VwapState
from app.windows.ohlc import Ohlc, OhlcState

__all__ = [
    "Aggregate",
    "Count",
    "CountState",
    "Distinct",
    "Exact",
    "ExtremeState",
    "First",
    "FirstState",
    "Last",
    "LastState",
    "Max",
    "Mean",
    "MeanState",
    "Min",
    "Ohlc",
    "OhlcState",
    "Packed",
    "Quantiles",
    "QuantilesState",
    "Several",
    "Sum",
    "SumState",
    "Top",
    "TopK",
    "TopKState",
    "Variance",
    "VarianceState",
    "Vwap",
    "VwapState",
    "layout_of",
    "value_of",
]
