"""Samples of one worker's `/metrics`, by name and labels."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Self

from prometheus_client.parser import text_string_to_metric_families


class Samples:
    """The samples of one scrape."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the Prometheus text format. Raises ValueError for anything else."""
        samples = cls()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples._by_name[sample.name].append((sample.labels, sample.value))
        return samples

    def of(self, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and value of each sample of a metric that has these labels."""
        for found, value in self._by_name.get(name, ()):
            if labels.items() <= found.items():
                yield found, value

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples; 0 where it has none."""
        return sum(value for _, value in self.of(name, **labels))

    def highest(self, name: str, **labels: str) -> float | None:
        """Return the highest of a metric's samples, or None."""
        return max((value for _, value in self.of(name, **labels)), default=None)

    def values(self, name: str, label: str) -> list[str]:
        """Return the values that a label of a metric has, sorted."""
        return sorted({labels[label] for labels, _ in self.of(name)})

    def info(self, name: str) -> dict[str, str]:
        """Return the labels of an info metric; {} if it is missing."""
        return next((labels for labels, _ in self.of(name)), {})
