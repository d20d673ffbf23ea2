"""Watchdog of a running worker's topics and definitions."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from mode import Service

from eventfold.engine.errors import StartError, TaskError, afresh, made_anew
from eventfold.kafka.admin import AdminError, committed_metadata, found_topics
from eventfold.topics import BoundTopic, Changelog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventfold.kafka.admin import Found

#: Seconds between two checks of the topics.
WATCH_INTERVAL = 3.0


class TopicWatch(Service):
    """Watchdog: stop the worker if its topics or the application's definitions change.

    A deleted topic is no error for a Kafka client, which waits for it; a recreated topic has other
    records at the same offsets; and if a source gets more partitions, producers send keys to other
    partitions than before.
    """

    abstract = False

    def __init__(
        self, app: Any, topics: list[BoundTopic | Changelog], found: Mapping[str, Found]
    ) -> None:
        super().__init__()
        self.app = app
        self._topics = topics
        #: Times (s) of the first and the last of the latest successful checks, in which brokers
        #: and the group's coordinator answered; None after a failed one.
        self._answering: tuple[float, float] | None = None
        #: Ids of the topics when the worker started.
        self._ids = {name: topic.topic_id for name, topic in found.items()}

    @Service.task
    async def _look(self) -> None:
        told = ""
        while not self.should_stop:
            await self.sleep(WATCH_INTERVAL)
            try:
                await self._check_unchanged()
                await _check_definitions(self.app)
                told = ""
                now = monotonic()
                self._answering = (self._answering or (now, now))[0], now
            except StartError as error:
                # Twice: a broker that has just started may not know all topics yet.
                if str(error) == told:
                    await self.app.tasks.give_up(error)
                    return
                told = str(error)
            except AdminError as error:
                # The tasks handle an unreachable broker: they wait for it.
                self._answering = None
                self.log.warning("Topics can't be looked at: %s", error)

    def answering(self, now: float) -> float:
        """Return for how long (s) brokers and the group's coordinator have answered until `now`."""
        if self._answering is None:
            return 0.0
        since, last = self._answering
        return now - since if now - last < 2 * WATCH_INTERVAL else 0.0

    async def _check_unchanged(self) -> None:
        conf = self.app.settings
        found = await found_topics(conf)
        for topic in self._topics:
            expected, now = topic.partition_count(), found.get(topic.name)
            if now is None:
                raise StartError(
                    f"topic {topic.name} was deleted while the worker ran; nothing of it was "
                    f"committed since: {self._remedy(topic)}"
                )
            known = self._ids.setdefault(topic.name, now.topic_id)
            if known and now.topic_id not in ("", known):
                raise StartError(self._describe_made_anew(topic))
            if now.partitions != expected:
                raise StartError(
                    f"topic {topic.name} had {expected} partitions and has {now.partitions} now, "
                    f"so its keys are in other ones: {afresh(self.app.settings)}"
                )

    def _describe_made_anew(self, topic: BoundTopic | Changelog) -> str:
        if self.app.tasks.owns(topic.name):
            return made_anew(topic.name, self.app.settings)
        return (
            f"topic {topic.name} was deleted and made anew while the worker ran: "
            f"{self._remedy(topic)}"
        )

    def _remedy(self, topic: BoundTopic | Changelog) -> str:
        if isinstance(topic, Changelog):
            return f"its table's state is lost with it: {afresh(self.app.settings)}"
        if self.app.tasks.owns(topic.name):
            return (
                f"what was not folded of it is lost; to fold a new one, {afresh(self.app.settings)}"
            )
        return "start the worker again, it makes the topic anew where it is missing"


async def _check_definitions(app: Any) -> None:
    """Raise StartError if another worker has committed other definitions."""
    try:
        app.tasks.definitions.demand_same(await committed_metadata(app.settings))
    except TaskError as error:
        raise StartError(str(error)) from None
