"""Reader of the records of a topic into a frame."""

import polars as pl
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from tests import truth

#: Records parsed at once.
CHUNK = 100_000

PLACE: dict[str, pl.DataType] = {"at": pl.Int64(), "partition": pl.Int64(), "offset": pl.Int64()}


class TopicReader:
    """Reader of JSON records: the fields of `schema`, append time (ms), partition and offset.

    It starts at the offsets `begin` by partition. With `stamped`, the times have to be the
    broker's.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        schema: dict[str, pl.DataType],
        begin: dict[int, int] | None = None,
        *,
        stamped: bool = True,
    ) -> None:
        self._bootstrap, self._topic, self._schema = bootstrap, topic, schema
        self._position = dict(begin or {})
        self._stamped = stamped
        self._frames = [pl.DataFrame(schema=PLACE | schema)]

    def read(self) -> pl.DataFrame:
        """Read new records; return all read so far, in the order in which they were appended.

        Raises ValueError for a record that can't be read, or was not stamped by the broker.
        """
        places, values = [], []
        for message in truth.read(self._bootstrap, self._topic, begin=self._position):
            kind, at = message.timestamp()
            if self._stamped and kind != TIMESTAMP_LOG_APPEND_TIME:
                raise ValueError(f"{self._topic} has not message.timestamp.type=LogAppendTime")
            places.append((at, message.partition() or 0, message.offset() or 0))
            values.append(message.value() or b"null")
            if len(values) == CHUNK:
                self._add(places, values)
                places, values = [], []
        if values:
            self._add(places, values)
        rows = pl.concat(self._frames).sort("at", "partition", "offset")
        self._frames = [rows]
        return rows

    def _add(self, places: list[tuple[int, int, int]], values: list[bytes]) -> None:
        try:
            fields = pl.read_ndjson(b"\n".join(values), schema=self._schema)
        except pl.exceptions.ComputeError as error:
            raise ValueError(f"{self._topic} has records that can't be read: {error}") from None
        if len(fields) != len(values):
            raise ValueError(f"{self._topic} has records of more or less than one line")
        coordinates = pl.DataFrame(places, schema=PLACE, orient="row")
        self._frames.append(pl.concat([coordinates, fields], how="horizontal"))
        for _, partition, offset in places:
            self._position[partition] = offset + 1
