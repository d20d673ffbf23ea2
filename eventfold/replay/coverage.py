"""Coverage: the results that can be compared, complete and final on both sides."""

from collections.abc import Iterable, Mapping, Sequence

from aiokafka import TopicPartition

from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.table import StateTable
from eventfold.engine.top_n_table import TopNTable
from eventfold.engine.window_table import WindowTable
from eventfold.replay.entries import Coordinates, Entries, Entry, coordinates
from eventfold.replay.history import History
from eventfold.replay.results import Found
from eventfold.replay.selection import Interval, Selection
from eventfold.topics import Timestamp
from eventfold.windows import Count, Sliding, Window, WindowDefinition

# Reasons for leaving a result out.
BEYOND = "reach beyond the interval"
DELETED = "may have lost records to the source's retention"
OPEN = "are not final where the history ends"
NOT_FOLDED = "come from records that live has not folded yet"
COUNTS = "count from the very first record on"
USES_PREVIOUS = "use a window before the interval"
PROCESSING = "are of processing time"
UNKNOWN = "don't carry their time"
OTHER_WINDOWS = "are of windows that are not made here"
OVERWRITTEN = "were overwritten after the interval"
REDERIVED = "come from a topic that the replay makes anew"
EXPIRED = "are older than what the live topic still holds"
OLDER_STATE = "may depend on what is older than the replay (see --warm-up)"
LIVE_OPEN = "are not final in live"

#: Ignored without a count: of another time, or of a source that is not replayed.
IGNORED = ""


class Coverage:
    """Filter of comparable results, from what the replay has read and what live has committed."""

    def __init__(
        self,
        selection: Selection,
        interval: Interval,
        histories: Mapping[TopicPartition, History],
        finalised: Mapping[tuple[str, int], int],
        *,
        warmed: bool = False,
    ) -> None:
        self._selection = selection
        self._interval = interval
        self._histories = histories
        self._finalised = finalised
        #: Whether the user has given the warm-up that keyed tables need.
        self._warmed = warmed
        #: Offsets that the live application has committed; filled before any comparison.
        self.committed: dict[TopicPartition, int] = {}
        #: Time (ms) from which on a live topic still holds its records.
        self.kept_from: dict[str, int] = {}
        #: Start (ms) of each key's first window, by topic, where windows use the previous one.
        self.firsts: dict[str, Mapping[str, int]] = {}

    # -- admission to the results

    def admits(self, entries: Entries, entry: Entry, *, replayed: bool) -> bool:
        """Return whether an entry may belong to the interval."""
        if entries.kind == "windows":
            known = entry.start is not None and entry.end is not None
            return not known or self._interval.overlaps(entry.start or 0, entry.end or 0)
        if entries.kind == "last" and (not replayed or not entry.sources):
            return True
        if entries.rederived:
            return entry.start is None or self._interval.overlaps(*_span(entry))
        return self._placement(entry.sources) != IGNORED

    def _placement(self, sources: Iterable[Coordinates]) -> str | None:
        """Return why a record of a log is left out; None if all its sources are in the interval."""
        inside = []
        for topic, partition, offset in sources:
            history = self._histories.get(TopicPartition(topic, partition))
            if history is not None:
                inside.append(history.within(offset))
            elif topic in self._selection.internal:
                return REDERIVED
            else:
                return IGNORED
        if not inside:
            return UNKNOWN
        if all(inside):
            return None
        return BEYOND if any(inside) else IGNORED

    # -- comparison

    def left_out(self, entries: Entries, key: str, found: Found, *, in_live: bool) -> str | None:
        """Return why a result, which live may have, is left out; None if it is compared."""
        if entries.kind == "windows":
            why = self._window(entries, key, found)
        elif entries.kind == "last" and not found.sources:
            why = self._period(entries, key)
        elif entries.rederived:
            why = self._timed(entries, found)
        else:
            why = self._logged(entries, found)
        if why is None and not in_live and self._has_expired(entries, found):
            return EXPIRED
        return why

    def _window(self, entries: Entries, key: str, found: Found) -> str | None:
        start, end = found.start, found.end
        if start is None or end is None:
            return UNKNOWN
        if not self._interval.overlaps(start, end):
            return IGNORED
        if not self._interval.contains(start, end):
            return BEYOND
        writers = _tables_of_length(entries.writers, end - start)
        if not writers:
            return OTHER_WINDOWS
        return self._kind_of(writers) or self._span(entries, writers, key, found)

    def _kind_of(self, writers: Sequence[WindowTable]) -> str | None:
        if any(table.source.time is Timestamp.PROCESSING for table in writers):
            return PROCESSING
        counting = any(isinstance(window, Count) for t in writers for window in t.windows)
        if counting and any(history.begin > 0 for history in self._histories.values()):
            return COUNTS
        return None

    def _span(
        self, entries: Entries, writers: Sequence[WindowTable], key: str, found: Found
    ) -> str | None:
        start, end = found.start or 0, found.end or 0
        first = self.firsts.get(entries.topic.name, {}).get(key, start)
        if start <= first and any(table.uses_previous_window for table in writers):
            return USES_PREVIOUS
        return self._incomplete(writers, start, end, found.partition)

    def _period(self, entries: Entries, key: str) -> str | None:
        group = next((table for table in entries.writers if isinstance(table, TopNTable)), None)
        if group is None:
            return UNKNOWN
        span = self._period_of(group, key)
        if span is None:
            return IGNORED
        if not self._interval.contains(*span):
            return BEYOND
        behind = [each for each in self._selection.upstream(group) if isinstance(each, WindowTable)]
        before = span[0] - group.period
        if before < self._interval.begin and any(each.uses_previous_window for each in behind):
            return USES_PREVIOUS
        return self._incomplete(behind or [group], *span, None)

    def _period_of(self, table: TopNTable, key: str) -> tuple[int, int] | None:
        first = self._interval.begin // table.period * table.period
        for start in range(first, self._interval.end, table.period):
            if table.period_name(start) == key:
                return start, start + table.period
        return None

    def _timed(self, entries: Entries, found: Found) -> str | None:
        if found.start is None or found.end is None:
            return UNKNOWN
        if not self._interval.overlaps(*_span(found)):
            return IGNORED
        if not self._interval.contains(*_span(found)):
            return BEYOND
        return self._incomplete(entries.writers, found.start, found.end, found.partition)

    def _logged(self, entries: Entries, found: Found) -> str | None:
        sources = coordinates([("source", found.sources.encode())]) if found.sources else ()
        why = self._placement(sources)
        if entries.kind == "last" and why == IGNORED:
            # A compacted topic does not show the value that the key had within the interval.
            return OVERWRITTEN
        if why is None:
            if self._depends_on_older(entries.writers):
                return OLDER_STATE
            come = all(self._has_folded(TopicPartition(t, p), o + 1) for t, p, o in sources)
            return None if come else NOT_FOLDED
        return why

    def _has_expired(self, entries: Entries, found: Found) -> bool:
        kept_from = self.kept_from.get(entries.topic.name, 0)
        return kept_from > (self._interval.begin if found.end is None else found.end)

    # -- completeness

    def _incomplete(
        self, tables: Sequence[StateTable], start: int, end: int, partition: int | None
    ) -> str | None:
        """Return why [start, end) is not complete and final on both sides; None if it is."""
        if self._depends_on_older(tables):
            return OLDER_STATE
        if start < self._known_from(tables, partition):
            return DELETED
        if end > self._final_until(tables, partition):
            return OPEN
        return None if self._live_has_folded(tables, partition) else NOT_FOLDED

    def _depends_on_older(self, tables: Iterable[StateTable]) -> bool:
        """Return whether results of `tables` may depend on records that were not replayed."""
        behind = [each for table in tables for each in self._selection.upstream(table)]
        if self._warmed or not any(isinstance(each, KeyedTable) for each in behind):
            return False
        return not all(history.whole for history in self._sources(behind, None))

    def _sources(self, tables: Iterable[StateTable], partition: int | None) -> list[History]:
        """Return the histories upstream of `tables`, only those of `partition` if it is known."""
        names = {each.source.name for table in tables for each in self._selection.upstream(table)}
        anew = bool(names & self._selection.internal)
        return [
            history
            for tp, history in self._histories.items()
            if tp.topic in names and (partition is None or anew or tp.partition == partition)
        ]

    def _known_from(self, tables: Sequence[StateTable], partition: int | None) -> int:
        known = (history.known_from for history in self._sources(tables, partition))
        return max(known, default=self._interval.begin)

    def _final_until(self, tables: Sequence[StateTable], partition: int | None) -> int:
        """Return the time (ms) up to which results are final; 0 if no partition has a record."""
        names = {table.name for table in tables}
        anew = any(table.source.name in self._selection.internal for table in tables)
        found = [
            until
            for (name, number), until in self._finalised.items()
            if name in names and (partition is None or anew or number == partition)
        ]
        return min(found, default=0)

    def _live_has_folded(self, tables: Sequence[StateTable], partition: int | None) -> bool:
        return all(
            self._has_folded(history.tp, history.position)
            for history in self._sources(tables, partition)
        )

    def _has_folded(self, tp: TopicPartition, position: int) -> bool:
        # Where live has committed nothing, all that a replay finds is new.
        return self.committed.get(tp, position) >= position


def _span(found: Entry | Found) -> tuple[int, int]:
    """Return the span of an entry as (start, end) in ms; an instant lasts for 1 ms."""
    start, end = found.start or 0, found.end or 0
    return start, max(end, start + 1)


def _tables_of_length(writers: Iterable[StateTable], length: int) -> list[WindowTable]:
    """Return the tables that may have made a window of this length (ms)."""
    return [
        table
        for table in writers
        if isinstance(table, WindowTable)
        and any(_may_have_length(window, length) for window in table.windows)
    ]


def _may_have_length(window: WindowDefinition, length: int) -> bool:
    """Return whether a window may have this length (ms); a session or a calendar may have any."""
    return window.size == length if isinstance(window, Window | Sliding) else True
