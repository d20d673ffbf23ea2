"""One partition of a window table, as the parts of its state share it."""

from dataclasses import dataclass

from eventfold.engine.outputs import Outputs
from eventfold.engine.owner import Table
from eventfold.engine.rows import Meta
from eventfold.engine.store import Store
from eventfold.engine.windowing_strategy import WindowingStrategy


@dataclass(frozen=True)
class WindowPartition:
    """Partition `number` of a window table: its store, its meta row and its outputs."""

    table: Table
    strategy: WindowingStrategy
    number: int
    store: Store
    meta: Meta
    outputs: Outputs
