"""Sending of dead records again, each once.

Records and the markers that say so are written in one transaction, by the only writer of the
topic of markers: its start fences another one, and aborts what a killed one has left. Before it
sends, it reads the markers to their end, as of the owner log (`eventfold/kafka/owner_log.py`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from eventfold.cli.letters.fixing import Fix, FixError, SkippedError
from eventfold.cli.letters.judging import Judge, Record, UnsendableError
from eventfold.cli.letters.reading import (
    EVERYTHING,
    HEADER,
    Entry,
    Place,
    Resent,
    in_chunks,
    last_records,
    letters,
    read_resent,
    records_at,
)
from eventfold.cli.letters.report import Report
from eventfold.cli.letters.selection import Selection, place_of
from eventfold.decoding import decode_json
from eventfold.engine.checkpoint import REFUSALS
from eventfold.engine.outputs import partition_of
from eventfold.kafka.admin import ensure_topics, existing_topics
from eventfold.kafka.clients.producers import only_writer
from eventfold.records import DeadLetter, ResentRecord
from eventfold.settings import Settings
from eventfold.topics import DEAD_LETTERS, RESENT

#: Most records of a transaction.
CHUNK = 500


@dataclass(frozen=True)
class Ready:
    """A record to send: where it was, its letter, and its new content."""

    place: Place
    letter: Place
    record: Record
    partition: int
    fixed: bool


async def select(
    conf: Settings, topic: str, partitions: int, selection: Selection
) -> dict[Place, list[Entry]]:
    """Return the letters of each record that a selected letter is about."""
    found: dict[Place, list[Entry]] = {}
    selected: set[Place] = set()
    async for at, letter in letters(conf, topic, partitions):
        place = place_of(letter)
        # All letters of a record count, since another table may have refused it, too.
        found.setdefault(place, []).append(Entry(at, letter.stage, letter.time))
        if selection.takes(letter):
            selected.add(place)
    return {place: found[place] for place in sorted(selected)}


class Resender:
    """Sends records again and marks them, or only judges them in a dry run (`producer` None)."""

    def __init__(
        self,
        judge: Judge,
        fix: Fix,
        markers: str,
        counts: dict[str, int],
        topic_ids: dict[str, str],
    ) -> None:
        """Send to topics of which `counts` has the numbers of partitions, `topic_ids` the ids."""
        self._conf = judge.conf
        self._judge = judge
        self._fix = fix
        self._markers = markers
        self._counts = counts
        self._topic_ids = topic_ids
        self._newest: dict[Any, int | None] = {}
        self.report = Report()

    async def resend(
        self, selected: dict[Place, list[Entry]], resent: Resent, producer: Any | None
    ) -> None:
        """Send the records at the places selected, in chunks of a transaction each.

        Raises ProducerFenced if another command sends, KafkaError.
        """
        open_places = [place for place in selected if resent.of(place) is None]
        self.report.already = len(selected) - len(open_places)
        for chunk in in_chunks(open_places, CHUNK):
            ready = await self.prepare({place: selected[place] for place in chunk}, resent)
            if producer is None:
                self.report.count([each.place for each in ready])
            elif ready:
                await self._send(producer, ready)

    async def prepare(self, chunk: dict[Place, list[Entry]], resent: Resent) -> list[Ready]:
        """Return those records of a chunk that may be sent; count the others."""
        may_be: dict[Place, list[Entry]] = {}
        for place, entries in chunk.items():
            try:
                self._judge.demand_resendable(place, entries, resent)
            except UnsendableError as error:
                self.report.refuse(place, str(error))
            else:
                may_be[place] = entries
        wanted = [entry.at for entries in may_be.values() for entry in entries]
        found = await records_at(self._conf, wanted)
        originals = await records_at(self._conf, self._existing(may_be))
        ready = []
        for place, entries in may_be.items():
            held = [found[entry.at] for entry in entries if entry.at in found]
            try:
                ready.append(await self._ready(place, entries, held, originals.get(place)))
            except SkippedError:
                self.report.skipped += 1
            except (UnsendableError, FixError) as error:
                self.report.refuse(place, str(error))
        return ready

    def _existing(self, places: dict[Place, list[Entry]]) -> list[Place]:
        return [each for each in places if each.partition < self._counts.get(each.topic, 0)]

    async def _ready(
        self, place: Place, entries: Sequence[Entry], held: Sequence[Any], original: Any
    ) -> Ready:
        """Return a record to send. Raises UnsendableError, FixError."""
        if len(held) < len(entries):
            raise UnsendableError("its letter has just been deleted")
        decoded = [decode_json(each.value, DeadLetter) for each in held]
        record = self._judge.original(place, decoded, original)
        fixed = self._judge.fixed(place, record, self._fix)
        now = time.time_ns() // 1_000_000
        event_time = self._judge.event_time(place, fixed, now)
        count, partition = self._counts.get(place.topic, 0), place.partition
        if not count:
            raise UnsendableError(f"there is no topic {place.topic} any more")
        if partition >= count or (fixed.key != record.key and fixed.key is not None):
            partition = partition_of(fixed.key or b"", count)
        newest = await self._newest_in(place._replace(partition=partition))
        if newest is not None:
            for table in self._judge.late_for(place.topic, newest - event_time):
                self.report.late[table] += 1
        changed = (fixed.key, fixed.value) != (record.key, record.value)
        return Ready(place, entries[0].at, fixed, partition, changed)

    async def _newest_in(self, place: Place) -> int | None:
        """Return the highest event time (ms) among the last records of a partition."""
        # Stream time is at least that: what is late by it is late for sure.
        if place.tp not in self._newest:
            records = await last_records(self._conf, place.tp)
            self._newest[place.tp] = self._judge.newest(place.tp, records)
        return self._newest[place.tp]

    async def _send(self, producer: Any, ready: list[Ready]) -> None:
        """Send records and their markers in one transaction; alone those that brokers refuse."""
        try:
            sent = await self._send_all(producer, ready)
        except REFUSALS as error:
            if len(ready) == 1:
                self.report.refuse(ready[0].place, f"the broker refuses it: {error!r}")
                return
            for each in ready:
                await self._send(producer, [each])
        else:
            self.report.count([each.place for each in ready], sent)

    async def _send_all(self, producer: Any, ready: list[Ready]) -> list[str]:
        async with producer.transaction():
            sending = [
                await producer.send(
                    each.place.topic,
                    *(each.record.value, each.record.key, each.partition, each.record.timestamp),
                    headers=_headers(each),
                )
                for each in ready
            ]
            sent = [
                str(Place(each.topic, each.partition, each.offset))
                for each in await asyncio.gather(*sending)
            ]
            markers = [
                await producer.send(self._markers, msgspec.json.encode(marker), key, 0)
                for key, marker in map(self._marker, ready, sent)
            ]
            await asyncio.gather(*markers)
        return sent

    def _marker(self, ready: Ready, sent: str) -> tuple[bytes, ResentRecord]:
        place = str(ready.place)
        marker = ResentRecord(
            record=place,
            topic_id=self._topic_ids.get(ready.place.topic, ""),
            letter=str(ready.letter),
            sent=sent,
            application=self._conf.app_id,
            fixed=ready.fixed,
            time=time.time_ns() // 1_000_000,
        )
        return place.encode(), marker


def _headers(ready: Ready) -> list[tuple[str, bytes]]:
    kept = [each for each in ready.record.headers if each[0] != HEADER]
    return [*kept, (HEADER, str(ready.letter).encode())]


async def note_reset(conf: Settings) -> None:
    """Note that an application reads all its records again. Raises AdminError, KafkaError.

    What it had refused before may be counted now, so it is not sent again.
    """
    if DEAD_LETTERS.of(conf).name not in await existing_topics(conf):
        return
    markers = RESENT.of(conf)
    await ensure_topics([markers], conf)
    now = time.time_ns() // 1_000_000
    marker = ResentRecord(EVERYTHING, "", "", "", conf.app_id, fixed=False, time=now)
    key = f"{EVERYTHING} {conf.app_id}".encode()
    async with only_writer(markers.name, conf) as producer, producer.transaction():
        await (await producer.send(markers.name, msgspec.json.encode(marker), key, 0))


@asynccontextmanager
async def writing(
    conf: Settings, markers: str, topic_ids: dict[str, str]
) -> AsyncIterator[tuple[Any, Resent]]:
    """Open the only producer that sends again, and what was sent before. Raises KafkaError."""
    async with only_writer(markers, conf) as producer:
        # A new leader may report an end offset before the last markers. All of them are readable
        # once a record of our own, written after them, is.
        async with producer.transaction():
            sent = await producer.send(markers, None, b"", 0)
            offset = (await sent).offset
        yield producer, await read_resent(conf, markers, topic_ids, offset + 1)
