"""Workloads of the comparison: input, work and contestants."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eventfold.engine.windowing_strategy import MAX_OVERLAP
from eventfold.windows import Window

SECOND, MINUTE = 1_000, 60_000

#: Number of ticks that a fast contestant reads.
TICKS = 5_000_000

#: Least size of the ticks that pass the filter.
LARGE = 400

FRAMEWORKS = ("tickstream", "kafka-streams", "kafka-streams-2", "quix", "bytewax", "flink", "faust")

#: Number of ticks that a slow contestant reads, so that a run does not take minutes.
FEWER = {"quix": 1_000_000, "bytewax": 1_000_000, "flink": 1_000_000, "faust": 100_000}


@dataclass(frozen=True)
class Workload:
    """The same work for each contestant.

    `work` is `windows`, `filter` or `top`; `size`, `advance`, `grace` are in ms. `step` is the
    event time between two ticks (ms). `fewer` has the contestants that read fewer than `ticks`.
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
        """Number of windows that contain a tick."""
        return self.size // self.advance

    @property
    def emit(self) -> str:
        """`close` if windows overlap too much to publish each change, else `updates`."""
        return "close" if self.overlap > MAX_OVERLAP else "updates"

    def ticks_of(self, contestant: str, *, full: bool = False) -> int:
        """Return the number of ticks that a contestant reads; with `full`, all of them."""
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
            # Most contestants update 900 windows for each tick.
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
            # A window has 3 ticks of a key; with 10 ms mostly 1.
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
    """Return the workload of a window definition, for tickstream and the floor."""
    text = str(window)
    return Workload(
        text.replace("/", "-by-"),
        f"Windows of {text}",
        size=window.size,
        advance=window.advance,
        contestants=("tickstream", "floor"),
    )
