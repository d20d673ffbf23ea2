"""Consumer group of a driver, and the assignment of partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from eventfold.testing.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Worker → its partitions.
Assignment = dict[str, list[TopicPartition]]


class Group:
    """Present assignment of the group, and its generation."""

    def __init__(self) -> None:
        self.generation = 0
        self.assignment: Assignment = {}

    def next(self, assignment: Assignment) -> None:
        """Begin a new generation with this assignment."""
        self.generation += 1
        self.assignment = {name: sorted(tps) for name, tps in assignment.items()}


def spread(workers: Iterable[str], numbers: Mapping[str, range]) -> Assignment:
    """Assign each topic's partitions to the workers in turn, each topic beginning with another one.

    So partition 0 of a stage behind a repartition is not on the worker of partition 0 of its
    source. `numbers` are the partitions of each topic. Raises DriverError without workers.
    """
    names = list(workers)
    if not names:
        raise DriverError("a rebalance needs at least one worker: or kill them all")
    assignment: Assignment = {name: [] for name in names}
    for shift, (topic, partitions) in enumerate(numbers.items()):
        for number in partitions:
            name = names[(number + shift) % len(names)]
            assignment[name].append(TopicPartition(topic, number))
    return assignment


def whole(workers: Mapping[str, Iterable[int]], numbers: Mapping[str, range]) -> Assignment:
    """Assign to each worker the partitions of all topics with its numbers.

    Raises DriverError unless each partition has one worker.
    """
    owner: dict[int, str] = {}
    for name, given in workers.items():
        for number in given:
            if number in owner:
                raise DriverError(f"partition {number} goes to {owner[number]} and to {name}")
            owner[number] = name
    every = {number for partitions in numbers.values() for number in partitions}
    missing, unknown = sorted(every - owner.keys()), sorted(owner.keys() - every)
    if missing or unknown:
        raise DriverError(
            f"each partition goes to one worker: there is none for {missing}, no such {unknown}"
        )
    assignment: Assignment = {name: [] for name in workers}
    for topic, partitions in numbers.items():
        for number in partitions:
            assignment[owner[number]].append(TopicPartition(topic, number))
    return assignment
