"""The dead letters that an application may read, and what it does with them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from aiokafka.errors import ProducerFenced

from eventfold.cli.command import CommandError
from eventfold.cli.letters.fixing import Fix
from eventfold.cli.letters.judging import Judge, Others
from eventfold.cli.letters.reading import Place, Resent, letters, read_resent, records_at
from eventfold.cli.letters.report import Report
from eventfold.cli.letters.resending import Resender, select, writing
from eventfold.cli.letters.selection import Group, Groups, Selection
from eventfold.decoding import decode_json
from eventfold.engine.errors import TaskError
from eventfold.engine.tasks import Tasks
from eventfold.kafka.admin import administering, committed_metadata, ensure_topics, found_topics
from eventfold.kafka.owner_log import read_owners
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS, RESENT, BoundTopic


def written(time: int) -> str:
    """Format a time (ms) in UTC, to the second."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class DeadLetters:
    """The dead letters of an application, in the topic that it shares with others."""

    tasks: Tasks
    topic: str
    resent: BoundTopic
    #: Number of partitions, and id, of each topic that exists.
    counts: dict[str, int]
    ids: dict[str, str]

    @classmethod
    async def find(cls, app: Any) -> Self:
        """Return those of an application. Raises AdminError."""
        conf = app.settings
        found = await found_topics(conf)
        return cls(
            app.tasks,
            DEAD_LETTERS.of(conf).name,
            RESENT.of(conf),
            {name: each.partitions for name, each in found.items()},
            {name: each.topic_id for name, each in found.items()},
        )

    @property
    def _partitions(self) -> int:
        """Number of partitions of the topic; 0 before the first letter."""
        return self.counts.get(self.topic, 0)

    async def groups(self, selection: Selection) -> list[Group]:
        """Return the groups of the letters selected."""
        groups = Groups(await self._sent_before())
        async for _, letter in letters(self.tasks.conf, self.topic, self._partitions):
            if selection.takes(letter):
                groups.add(letter)
        return groups.sorted

    async def show(self, place: Place) -> dict[str, Any] | None:
        """Return all that is known of a record, as text by name; None if it is no dead letter."""
        conf, selection = self.tasks.conf, Selection(places=frozenset([place]))
        entries = (await select(conf, self.topic, self._partitions, selection)).get(place)
        if not entries:
            return None
        resent, judge = await self._sent_before(), await self._judge()
        held = await records_at(conf, [entry.at for entry in entries])
        exists = place.partition < self.counts.get(place.topic, 0)
        original = (await records_at(conf, [place])).get(place) if exists else None
        found = [(at, decode_json(each.value, DeadLetter)) for at, each in sorted(held.items())]
        repeats, marker = resent.origin(place), resent.of(place)
        first = found[0][1]
        value = first.value if original is None else original.value
        obstacle = ""
        if marker is None:
            resender = self._resender(judge, Fix())
            await resender.prepare({place: entries}, resent)
            obstacle = next((text for *_, text in resender.report.refused.values()), "")
        return {
            "record": str(place),
            "letters": [f"{at} of {each.stage}, {written(each.time)}" for at, each in found],
            "reason": sorted({each.error for _, each in found}),
            "again": f"of {repeats.record}, sent by {repeats.application}" if repeats else "",
            "resent": f"as {marker.sent}, {written(marker.time)}" if marker else "",
            "key": first.key or "",
            "headers": [
                f"{name}: {_text(data)}" for name, data in getattr(original, "headers", ())
            ],
            "timestamp": written(original.timestamp) if original and original.timestamp else "",
            "value": "" if value is None else _text(value),
            "obstacle": obstacle,
        }

    async def resend(
        self, selection: Selection, fix: Fix, *, despite: Collection[str], dry_run: bool
    ) -> Report:
        """Send again what is selected and was not yet sent again. Raises CommandError."""
        conf = self.tasks.conf
        judge = await self._judge(despite)
        resender = self._resender(judge, fix)
        if not self._partitions:
            return resender.report
        selected = await select(conf, self.topic, self._partitions, selection)
        for place in selection.places - selected.keys():
            resender.report.refuse(place, f"it is no dead letter of {self.topic}")
        if dry_run:
            await resender.resend(selected, await self._sent_before(), None)
            return resender.report
        await ensure_topics([self.resent], conf)
        try:
            async with writing(conf, self.resent.name, self.ids) as (producer, resent):
                await resender.resend(selected, resent, producer)
        except ProducerFenced:
            raise CommandError(
                f"another resend has begun: it sends what is left; {resender.report.sent} were "
                "sent here"
            ) from None
        return resender.report

    def _resender(self, judge: Judge, fix: Fix) -> Resender:
        return Resender(judge, fix, self.resent.name, self.counts, self.ids)

    async def _sent_before(self) -> Resent:
        if self.resent.name not in self.counts:
            return Resent(self.ids)
        return await read_resent(self.tasks.conf, self.resent.name, self.ids)

    async def _judge(self, despite: Collection[str] = ()) -> Judge:
        conf = self.tasks.conf
        try:
            # With other tables than those that run, it would be unknown who has counted a record.
            self.tasks.definitions.demand_same(await committed_metadata(conf))
        except TaskError as error:
            raise CommandError(str(error)) from None
        async with administering(conf) as admin:
            groups = [name for name, kind in await admin.list_consumer_groups() if kind != "share"]
            committed = {name: await admin.committed(name) for name in groups}
        others = Others.among(committed, {conf.app_id, *despite})
        ignores_resets = conf.app_id in despite
        return Judge(self.tasks, await read_owners(conf), others, ignores_resets=ignores_resets)


def _text(data: bytes) -> str:
    """Return bytes as text; those that are no UTF-8 as escapes."""
    return data.decode(errors="backslashreplace")
