"""Owners of topics: each output topic belongs to one application, and no other one writes it.

If two applications wrote one topic, each record would be in it twice, and the windows of one would
overwrite those of the other. The broker stores the owner of each topic
(`eventfold/kafka/owner_log.py`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from eventfold.records import TopicOwner
from eventfold.settings import Settings

#: Most topics that a message names.
NAMED = 3


class OwnerError(Exception):
    """Error of an application that may not write a topic; the message is one line for the user."""


@dataclass(frozen=True)
class Evidence:
    """Evidence of who wrote topics without an owner, such as those older than the owner log."""

    #: Topics that hold records.
    filled: Collection[str] = ()
    #: Topics of tables whose changelogs hold rows: this application has written them.
    written: Collection[str] = ()

    def belongs(self, topic: str) -> bool:
        """Return whether this application may claim a topic without an owner."""
        return topic not in self.filled or topic in self.written


def unowned(topics: Iterable[str], owners: Mapping[str, TopicOwner], conf: Settings) -> list[str]:
    """Return the topics without an owner.

    Raises OwnerError if another application owns one of them, or if this application writes its
    topics under another prefix.
    """
    wanted = list(topics)
    _demand_same_prefix(owners.values(), conf)
    foreign = [topic for topic in wanted if topic in owners and not owns(topic, owners, conf)]
    if foreign:
        owner = owners[foreign[0]].application
        theirs = [topic for topic in foreign if owners[topic].application == owner]
        raise OwnerError(f"{_belong(theirs)} to application {owner}: {_own_outputs(conf)}")
    return [topic for topic in wanted if topic not in owners]


def demand_claimable(topics: Iterable[str], evidence: Evidence, conf: Settings) -> None:
    """Raise OwnerError if a topic without an owner holds records of another application."""
    strange = [topic for topic in topics if not evidence.belongs(topic)]
    if strange:
        raise OwnerError(
            f"{_name(strange)} {'holds' if len(strange) == 1 else 'hold'} records that application "
            f"{conf.app_id} has not written, and nobody is recorded as the owner: "
            f"{_own_outputs(conf)}"
        )


def owns(topic: str, owners: Mapping[str, TopicOwner], conf: Settings) -> bool:
    """Return whether this application is the recorded owner of a topic."""
    return topic in owners and owners[topic].application == conf.app_id


def _demand_same_prefix(owners: Iterable[TopicOwner], conf: Settings) -> None:
    for owner in owners:
        if owner.application == conf.app_id and owner.prefix != conf.topic_prefix:
            prefix = conf.variable("topic_prefix")
            raise OwnerError(
                f"application {conf.app_id} writes its topics with "
                f"{prefix}={owner.prefix}, this worker has {prefix}={conf.topic_prefix}: set it as "
                f"it was, or start this worker under another {conf.variable('app_id')}"
            )


def _own_outputs(conf: Settings) -> str:
    return (
        f"set {conf.variable('topic_prefix')}, which makes outputs of its own for {conf.app_id}, "
        f"or leave out what writes to them ({', '.join(conf.selection())})"
    )


def _belong(topics: list[str]) -> str:
    return f"{_name(topics)} {'belongs' if len(topics) == 1 else 'belong'}"


def _name(topics: list[str]) -> str:
    if len(topics) == 1:
        return f"topic {topics[0]}"
    named, more = topics[:NAMED], len(topics) - NAMED
    words = ", ".join(named) if more > 0 else f"{', '.join(topics[:-1])} and {topics[-1]}"
    return f"topics {words}" + (f" and {more} more" if more > 0 else "")
