"""Targets of `faust -A app sink`, read back with other code than the product's."""

import csv
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl

#: Partition and offset of a record → its symbol, price, size and time.
Found = dict[tuple[int, int], tuple[str, float, float, int]]

_QUERY = "SELECT kafka_partition, kafka_offset, symbol, price, size, time FROM ticks"


def _found(rows: Any) -> Found:
    """Return rows by their place, each of which there is once."""
    read = [(int(p), int(o), s, float(x), float(n), int(t)) for p, o, s, x, n, t in rows]
    found = {row[:2]: row[2:] for row in read}
    assert len(found) == len(read), "a record is in the target twice"
    return found


class Sqlite:
    """A file of SQLite."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "target.db"
        self.target = f"sqlite:///{self._path}"

    def _all(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def count(self) -> int:
        """Return the number of records in the target so far."""
        with suppress(sqlite3.OperationalError):  # there is no table yet
            return int(self._all("SELECT count(*) FROM ticks")[0][0])
        return 0

    def found(self) -> Found:
        """Return the records in the target."""
        return _found(self._all(_QUERY))


class Parquet:
    """A directory of Parquet files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "files"
        self.target = f"parquet:{self._directory}"

    def count(self) -> int:
        """Return the number of records in the target so far."""
        files = list(self._directory.glob("*/*.parquet"))
        return int(pl.scan_parquet(files).select(pl.len()).collect().item()) if files else 0

    def found(self) -> Found:
        """Return the records in the target."""
        table = pl.read_parquet(self._directory / "**/*.parquet", hive_partitioning=False)
        names = ("kafka_partition", "kafka_offset", "symbol", "price", "size", "time")
        return _found(table.select(names).rows())


class Csv:
    """A CSV file."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "target.csv"
        self.target = f"csv:{self._path}"

    def count(self) -> int:
        """Return the number of records in the target so far."""
        return self._path.read_bytes().count(b"\n") - 1 if self._path.exists() else 0

    def found(self) -> Found:
        """Return the records in the target."""
        names = ("kafka_partition", "kafka_offset", "symbol", "price", "size", "time")
        with self._path.open(newline="") as file:
            return _found([tuple(row[name] for name in names) for row in csv.DictReader(file)])


class Postgres:
    """A database of PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.target = url

    async def query(self, query: str) -> list[Any]:
        """Return the rows of a query."""
        connection = await asyncpg.connect(self.target)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()


class Webhook:
    """An endpoint that keeps the body of the first request of each idempotency key."""

    def __init__(self, url: str, bodies: dict[str, bytes]) -> None:
        self.target = url
        self._bodies = bodies

    def count(self) -> int:
        """Return the number of records in the target so far."""
        return len(self._bodies)

    def found(self) -> Found:
        """Return the records in the target."""
        rows = []
        for key, body in self._bodies.items():
            (_, partition, offset), tick = key.split("-"), json.loads(body)
            rows.append(
                (partition, offset, tick["symbol"], tick["price"], tick["size"], tick["time"])
            )
        return _found(rows)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_given: object) -> None:
        """Report nothing: a client that was killed resets its connections."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Run a server that accepts ticks and rejects the rest with 422."""
    bodies: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                json.loads(body)["price"]
            except (ValueError, KeyError):
                self.send_response(422)
            else:
                known = bodies.setdefault(self.headers["Idempotency-Key"], body)
                self.send_response(200 if known == body else 409)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Log nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Webhook(f"http://127.0.0.1:{server.server_port}/", bodies)
        finally:
            server.shutdown()
            thread.join()
