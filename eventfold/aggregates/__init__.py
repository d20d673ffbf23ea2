"""Aggregates: functions that fold the records of a pane into a state; see `Aggregate`."""

from eventfold.aggregates.distinct import Distinct
from eventfold.aggregates.ends import ExtremeState, First, FirstState, Last, LastState, Max, Min
from eventfold.aggregates.exact import Exact
from eventfold.aggregates.ohlc import Ohlc, OhlcOf, OhlcState, ohlc
from eventfold.aggregates.protocol import Aggregate, Packed, layout_of, value_of
from eventfold.aggregates.quantiles import Quantiles, QuantilesState, quantile
from eventfold.aggregates.several import Several
from eventfold.aggregates.sums import (
    Count,
    CountState,
    Mean,
    MeanState,
    Sum,
    SumState,
    Variance,
    VarianceState,
    Vwap,
    VwapState,
)
from eventfold.aggregates.topk import Top, TopK, TopKState

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
    "OhlcOf",
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
    "ohlc",
    "quantile",
    "value_of",
]
