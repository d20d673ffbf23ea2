"""One partition of a table of sessions, which grow, merge, close, and may have to be retracted."""

from bisect import bisect_left
from operator import attrgetter
from typing import Any

from eventfold.engine.deadlines import Deadlines
from eventfold.engine.decoded import Decoded
from eventfold.engine.lateness import Lateness
from eventfold.engine.live_windows import Live, LiveWindows
from eventfold.engine.partition import RecordError
from eventfold.engine.portion import Portion
from eventfold.engine.rows import OPEN, Row, encode_row, row_key
from eventfold.engine.window_partition import WindowPartition
from eventfold.windows import Evidence, Folded, Span
from eventfold.windows.panes import BEFORE_ALL

#: Maximum number of sessions that become final in one publication.
SLICE = 1_000

_start = attrgetter("start")


class OpenSession(Live):
    """Session `[first event, last event + gap)` that may still change. Times in ms."""

    key: bytes
    start: int
    end: int
    state: Any
    count: int
    first_offset: int
    last_offset: int
    #: Records that arrived when stream time had reached the session's end, as extended by them.
    late: int = 0
    #: Starts under which a result that is not final is published.
    published: tuple[int, ...] = ()
    #: Start under which it has a row; -1 if it has none.
    row: int = BEFORE_ALL


class SessionWindows(LiveWindows[OpenSession]):
    """Sessions of each key, which never overlap.

    An event at `t` joins the sessions that overlap `[t, t + gap)`: at most two, as each is at least
    `gap` long. A session is final when the watermark (stream time - grace) has reached its end: no
    record that is accepted from then on can touch it.

    A start with a published result is superseded when its session grows backwards or into an
    earlier one. It is retracted before the next result of the session that took its records over,
    by a final result `[start, start)` of no records with that session's offsets and revision, which
    is higher than all that were published under the start.
    """

    def __init__(self, partition: WindowPartition, lateness: Lateness) -> None:
        super().__init__(partition, lateness, [int, int, int, int, int, tuple[int, ...]])
        self._gap = self._window.size
        #: Open sessions by key, ascending.
        self._sessions: dict[bytes, list[OpenSession]] = {}
        self._ends: Deadlines[OpenSession] = Deadlines(lambda s: s.end if s.open else None)

    # -- opening

    def _restore(self, key: bytes, place: int, *fields: Any) -> None:
        end, count, first, last, late, published, state = fields
        session = OpenSession(key, place, end, state, count, first, last, late, published, place)
        self._sessions.setdefault(key, []).append(session)
        self._ends.add(session)
        if session.last_offset >= self._meta.published:
            self._unpublished[session] = None

    def _loaded(self) -> None:
        # The checkpoint may have stopped in the middle of the slices of a leap in time.
        self.behind = self._ends.first(self._lateness.watermark) is not None

    # -- folding

    def _fold_range(self, decoded: Decoded, begin: int, end: int) -> OpenSession | None:
        # Hot loop: everything it touches is a local variable.
        gap, grace, sessions_of = self._gap, self._strategy.grace, self._sessions
        add, changed = self._strategy.aggregate.add, self._changed
        keys, times = decoded.keys, decoded.times
        offsets, records = decoded.offsets, decoded.records
        clock = self._meta.stream_time
        limit = self._lateness.watermark
        late: list[tuple[int, int]] = []
        behind: list[int] = []
        session = None
        index = begin
        try:
            for index in range(begin, end):
                time = times[index]
                if time < limit:
                    behind.append(clock - time)
                    late.append((index, clock))
                    continue
                key, offset = keys[index], offsets[index]
                session = sessions_of[key][-1] if key in sessions_of else None
                if session is not None and session.start <= time < session.end:
                    add(session.state, records[index], time, offset)
                    session.end = max(session.end, time + gap)
                else:
                    session = self._place(key, records[index], time, offset)
                # Only after folding, because a record that was not accepted must not move stream
                # time.
                session.count += 1
                session.last_offset = offset
                if not session.changed:
                    session.changed = True
                    changed.append(session)
                if time > clock:
                    clock = time
                    if limit < time - grace:  # noqa: PLR1730  # a call costs more
                        limit = time - grace
                elif time < clock:
                    behind.append(clock - time)
                    session.late += clock >= session.end
            index = end
        except Exception as error:  # an aggregate may raise anything
            raise RecordError(index, error) from error
        finally:
            self._meta.stream_time = clock
            self._lateness.judge(decoded, index - begin, behind, late)
        return session

    def _place(self, key: bytes, record: Any, time: int, offset: int) -> OpenSession:
        """Fold a record into a session that is new, is not the newest, or is merged from two."""
        gap = self._gap
        sessions = self._sessions.get(key, [])
        place = bisect_left(sessions, time + gap, key=_start)
        touched = [s for s in sessions[max(place - 2, 0) : place] if time < s.end]
        if not touched:
            return self._begin(key, record, time, offset)
        session = touched[0]
        if len(touched) == 2:
            self._merge(session, touched[1], record, time, offset)
        else:
            self._strategy.aggregate.add(session.state, record, time, offset)
        if time < session.start:
            self._leave_row(session)
            session.start = time
        session.end = max(session.end, time + gap)
        return session

    def _begin(self, key: bytes, record: Any, time: int, offset: int) -> OpenSession:
        state = self._strategy.aggregate.zero()
        self._strategy.aggregate.add(state, record, time, offset)
        session = OpenSession(key, time, time + self._gap, state, 0, offset, offset)
        if key not in self._sessions:
            self._partition.table.saw(key, self._partition.number)
            self._sessions[key] = []
        sessions = self._sessions[key]
        sessions.insert(bisect_left(sessions, time, key=_start), session)
        self._ends.add(session)
        return session

    def _merge(
        self, session: OpenSession, later: OpenSession, record: Any, time: int, offset: int
    ) -> None:
        """Merge a later session, and the record that bridges the two, into an earlier one."""
        aggregate = self._strategy.aggregate
        state = aggregate.merge(session.state, later.state)
        aggregate.add(state, record, time, offset)
        session.state = state
        session.end = later.end
        session.count += later.count
        session.first_offset = min(session.first_offset, later.first_offset)
        session.late += later.late
        session.published += later.published
        self._remove(later)

    def _remove(self, session: OpenSession) -> None:
        session.open = False
        self._leave_row(session)
        sessions = self._sessions[session.key]
        del sessions[bisect_left(sessions, session.start, key=_start)]
        if not sessions:
            del self._sessions[session.key]

    def _leave_row(self, session: OpenSession) -> None:
        if session.row >= 0:
            self._gone.append(row_key(session.key, OPEN + session.row))
            session.row = BEFORE_ALL

    # -- checkpoints

    def _encode(self, live: OpenSession) -> list[Row]:
        live.row = live.start
        value = encode_row(
            self._strategy.aggregate.version,
            live.end,
            live.count,
            live.first_offset,
            live.last_offset,
            live.late,
            live.published,
            live.state,
        )
        return [(row_key(live.key, OPEN + live.start), value)]

    def expires_before(self) -> int:
        """Return the start (ms) from which on rows are kept."""
        return min(self._meta.stream_time - self._strategy.retention, self._meta.finalised)

    # -- publication

    def publish(self, portion: Portion, position: int) -> int:
        """Publish windows that became final or changed, as many as fit into a portion."""
        self._close_due(portion)
        return self._publish_changed(portion, position)

    def _close_due(self, portion: Portion) -> None:
        """Close the sessions that have become final, oldest first, at most SLICE of them."""
        until = self._lateness.watermark
        reached = self._meta.finalised
        for _ in range(SLICE):
            session = None if portion.is_full else self._ends.pop(until)
            if session is None:
                break
            reached = session.end
            self._close(session)
        left = self._ends.first(until)
        self.behind = left is not None
        # Of sessions that end at one instant, some may be closed and others left. Nothing may join
        # either, even if the worker restarts with a larger grace before the next slice.
        self._meta.finalised = until if left is None else max(reached, left[0] - 1)

    def _close(self, session: OpenSession) -> None:
        self._withdraw(session)
        window = _folded(session)
        self._emit_window(session.key, window, final=True)
        self._remove(session)
        self._keep(session.key, window)

    def _newest(self, live: OpenSession) -> int:
        return live.last_offset

    def _publish_open(self, live: OpenSession) -> None:
        self._withdraw(live)
        self._emit_window(live.key, _folded(live), final=False)
        if live.published != (live.start,):
            live.published = (live.start,)
            self._unwritten[live] = None

    def _withdraw(self, session: OpenSession) -> None:
        """Retract the results of superseded session starts."""
        for start in session.published:
            if start != session.start:
                evidence = Evidence(0, session.first_offset, session.last_offset, 0)
                nothing = Folded(Span(start, start), self._strategy.aggregate.zero(), evidence)
                self._emit_window(session.key, nothing, final=True)

    # -- queries

    def _open_windows(self, key: bytes) -> list[Folded]:
        return [_folded(session) for session in self._sessions.get(key, ())]

    def _open_keys(self) -> set[bytes]:
        return set(self._sessions)

    def _open_keys_between(self, begin: int, end: int) -> set[bytes]:
        found = set()
        for key, sessions in self._sessions.items():
            place = bisect_left(sessions, begin, key=_start)
            if place < len(sessions) and sessions[place].start < end:
                found.add(key)
        return found


def _folded(session: OpenSession) -> Folded:
    evidence = Evidence(session.count, session.first_offset, session.last_offset, session.late)
    return Folded(Span(session.start, session.end), session.state, evidence)
