"""Topic of Faust's leader, created before the group is joined."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LeaderTopic:
    """Topic whose one partition determines Faust's leader; it has no records.

    Faust would create it after it has joined the group, which then rebalances once more, seconds
    after the first worker was ready. So it is created before.
    """

    name: str

    def partition_count(self) -> int:
        """Return its number of partitions."""
        return 1

    def config(self) -> dict[str, str]:
        """Return its configuration: the broker's defaults."""
        return {}


def leader_topic(app: Any) -> LeaderTopic:
    """Return the topic that the assignor of an application chooses its leader by."""
    assignor: Any = app._leader_assignor  # noqa: SLF001  # neither has a public name
    return LeaderTopic(assignor._leader_topic_name)  # noqa: SLF001
