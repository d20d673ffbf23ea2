"""Aggregates: functions that fold the records of a pane into a state; see `Aggregate`."""

from eventfold.aggregates.counts import Count, CountState
from eventfold.aggregates.distinct import Distinct
from eventfold.aggregates.ends import First, FirstState, Last, LastState
from eventfold.aggregates.exact import Exact
from eventfold.aggregates.extremes import ExtremeState, Max, Min
from eventfold.aggregates.ohlc import Ohlc, OhlcOf, OhlcState, ohlc
from eventfold.aggregates.packed import Packed
from eventfold.aggregates.protocol import Aggregate, layout_of, value_of
from eventfold.aggregates.quantiles import Quantiles, QuantilesState, quantile
from eventfold.aggregates.several import Several
from eventfold.aggregates.sums import Mean, MeanState, Sum, SumState
from eventfold.aggregates.topk import Top, TopK, TopKState
from eventfold.aggregates.variance import Variance, VarianceState
from eventfold.aggregates.vwap import Vwap, VwapState

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
