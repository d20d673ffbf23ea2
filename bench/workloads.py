"""The workloads of the comparison: which ticks, what is to be made of them, and by whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eventfold.engine.windowing_strategy import MAX_OVERLAP
from eventfold.windows import Window

SECOND, MINUTE = 1_000, 60_000

#: Ticks that a fast contestant reads.
TICKS = 5_000_000

#: Sizes of the ticks that pass the filter.
LARGE = 400

FRAMEWORKS = ("tickstream", "kafka-streams", "kafka-streams-2", "quix", "bytewax", "flink", "faust")

#: What a slow one reads at most, or its run would take minutes; rates are for each tick.
FEWER = {"quix": 1_000_000, "bytewax": 1_000_000, "flink": 1_000_000, "faust": 100_000}


@dataclass(frozen=True)
class Workload:
    """One row of panels: the same work for each contestant.

    `work` is `windows`, `filter` or `top`; `size`, `advance`, `grace` are in ms. `step` is the
    event time between two ticks, in ms. `fewer` has the contestants that read fewer than `ticks`.
    """

    name: str
    title: str
    work: str = "windows"
    size: int = 5 * MINUTE
    advance: int = 5 * MINUTE
    grace: int = 5 * MINUTE
    symbols: int = 500
    step: int = 10
    ticks: int = TICKS
    fewer: Mapping[str, int] = field(default_factory=lambda: FEWER)
    contestants: tuple[str, ...] = (*FRAMEWORKS, "floor")
    #: TICKSTREAM_PIPELINES.
    pipelines: str = "candles"

    @property
    def overlap(self) -> int:
        """The number of windows a tick is in."""
        return self.size // self.advance

    @property
    def emit(self) -> str:
        """`close` where windows overlap too often to publish each change, else `updates`."""
        return "close" if self.overlap > MAX_OVERLAP else "updates"

    def ticks_of(self, contestant: str, *, full: bool = False) -> int:
        """Return how many ticks a contestant reads; with `full`, all of them."""
        return self.ticks if full else min(self.ticks, self.fewer.get(contestant, self.ticks))


WORKLOADS = {
    each.name: each
    for each in (
        Workload("tumbling", "Tumbling windows of 5 min, 500 keys"),
        Workload(
            "hopping",
            "Hopping windows, 5 min by 1 min, 500 keys",
            advance=MINUTE,
            fewer=FEWER | {"quix": 300_000, "bytewax": 300_000, "flink": 300_000, "faust": 30_000},
        ),
        Workload(
            "hopping-15m-1s",
            "Hopping windows, 15 min by 1 s, on close, 25 keys",
            size=15 * MINUTE,
            advance=SECOND,
            grace=10 * SECOND,
            symbols=25,
            step=20,
            # 900 windows for each tick, which most keep one by one.
            fewer={
                **dict.fromkeys(("kafka-streams", "kafka-streams-2"), 50_000),
                **dict.fromkeys(("quix", "bytewax", "flink", "faust"), 10_000),
            },
            contestants=FRAMEWORKS,
        ),
        Workload(
            "keys-100k",
            "Tumbling windows of 5 min, 100,000 keys",
            symbols=100_000,
            # A window has 3 ticks of a key: with 10 ms it would be most often 1.
            step=1,
        ),
        Workload(
            "pipeline",
            "The whole pipeline to the ten biggest gainers",
            work="top",
            pipelines="candles,gainers",
            contestants=("tickstream", "tickstream-tumbling", "kafka-streams"),
        ),
        Workload("filter", "A filter, one event at a time", work="filter"),
    )
}


def of_window(window: Window) -> Workload:
    """Make the workload of some window, for tickstream beside the floor."""
    text = str(window)
    return Workload(
        text.replace("/", "-by-"),
        f"Windows of {text}",
        size=window.size,
        advance=window.advance,
        contestants=("tickstream", "floor"),
    )
