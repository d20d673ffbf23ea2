"""Cost of a thousand rules: transactions/s checked, database queries, time until a change applies.

First a backlog of transactions is checked at full speed; then transactions come at a fixed rate,
and one rule is changed meanwhile. Broker, worker and load share the machine.

usage: rules.py [--rules 1000] [--rate 20000] [--seconds 20] [--cards 100000]
                [--waiting 200000]
"""

import argparse
import asyncio
import json
import re
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import psutil
from confluent_kafka import Producer

from app.settings import Settings
from app.transactions.database import RulesDatabase, rules_url
from app.transactions.settings import TransactionSettings
from app.transactions.simulator import transactions
from bench.simulated_rules import simulated_rules
from eventfold.embedded import LocalBroker
from tests import truth
from tests.workers import Market, Record, Worker, send, until

VERDICTS = ("transactions-validated", "transactions-rejected")
QUERIES = "tickstream_rule_queries_total"

#: Seconds between two polls of the worker's progress.
POLL_INTERVAL = 0.5

#: Seconds between two bursts of a fixed rate.
BURST = 0.05


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--cards", type=int, default=100_000)
    parser.add_argument("--waiting", type=int, default=200_000)
    args = parser.parse_args()
    with TemporaryDirectory(prefix="bench-rules-") as name, LocalBroker(Path(name)) as broker:
        _measure(Market(broker.bootstrap, Path(name)), f"sqlite:///{name}/rules.db", args)


def _measure(market: Market, url: str, args: argparse.Namespace) -> None:
    asyncio.run(_fill(url, args.rules))
    settings = {"TICKSTREAM_PIPELINES": "transactions", "TICKSTREAM_RULES_URL": url}
    with market.worker(**settings) as worker:
        known = until(lambda: worker.get("/api/rules")[1].get("version", 0) >= args.rules)
        print(f"{args.rules:,} rules in force: {known}; {args.cards:,} cards", flush=True)
        total = args.waiting + args.rate * args.seconds
        start = int(time.time() * 1000) - 1000 * total // args.rate - 60_000
        records = _records(args.rate, start, args.cards)
        _catch_up(market, worker, records, args.waiting)
        _keep_up(market, worker, records, args, url)


def _records(rate: int, start: int, cards: int) -> Iterator[Record]:
    made = transactions(1, rate, start, cards)
    # Unreadable records are skipped, so that the number of checked ones is known.
    return ((key.decode(), value, at) for key, value, at in made if b'"time"' in value)


def _catch_up(market: Market, worker: Worker, records: Iterator[Record], count: int) -> None:
    worker.stop()
    send(market.bootstrap, islice(records, count), "transactions")
    worker.start()
    before, begun = _checked(worker), time.monotonic()
    _wait(worker, count)
    rate = (_checked(worker) - before) / (time.monotonic() - begun)
    print(f"at full speed: {rate:,.0f} transactions/s checked", flush=True)


def _keep_up(
    market: Market,
    worker: Worker,
    records: Iterator[Record],
    args: argparse.Namespace,
    url: str,
) -> None:
    number, checked = args.rate * args.seconds, _checked(worker)
    # Generated before the measurement, because that takes time too.
    made = list(islice(records, number))
    queries, cpu = _metric(worker, QUERIES), _cpu(worker)
    others = _cpu_of_others(worker)
    begun = time.monotonic()
    sender = Thread(target=_send_at, args=(market.bootstrap, made, args.rate))
    sender.start()
    time.sleep(args.seconds / 2)
    changed = asyncio.run(_change(url))
    sender.join()
    sent, behind = time.monotonic() - begun, number - (_checked(worker) - checked)
    _wait(worker, checked + number)
    took, asked = time.monotonic() - begun, _metric(worker, QUERIES) - queries
    print(
        f"{number:,} transactions in {sent:.1f} s ({number / sent:,.0f}/s), all checked after "
        f"{took:.1f} s (lag at the end of the load: {behind:,.0f}); {asked:.0f} queries "
        f"of the database, {1000 * asked / number:.2f} per 1,000 transactions; "
        f"{1e6 * (_cpu(worker) - cpu) / number:.1f} CPU-us each; besides "
        + ", ".join(
            f"{1e6 * (used - others[name]) / number:.1f} of the {name}"
            for name, used in _cpu_of_others(worker).items()
        )
    )
    _show_effect(market, *changed)


def _send_at(bootstrap: str, records: list[Record], rate: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2", "linger.ms": 5})
    begun, sent = time.monotonic(), 0
    while sent < len(records):
        due = min(int((time.monotonic() - begun) * rate), len(records))
        for key, value, at in records[sent:due]:
            producer.produce("transactions", value, key, timestamp=at)
        producer.poll(0)
        sent = due
        time.sleep(BURST)
    producer.flush(60)


def _show_effect(market: Market, version: int, changed: float) -> None:
    """Print the time from a rule's change to the first transaction checked by it."""
    first, verdicts = float("inf"), 0
    for topic in VERDICTS:
        for message in truth.read(market.bootstrap, topic):
            verdicts += 1
            if json.loads(message.value() or b"")["rules_version"] >= version:
                first = min(first, message.timestamp()[1])
    print(f"the changed rule applied after {first - 1000 * changed:,.0f} ms; {verdicts:,} verdicts")


def _database(url: str) -> RulesDatabase:
    own = TransactionSettings(TICKSTREAM_RULES_URL=url)  # type: ignore[call-arg]  # its alias
    return RulesDatabase(rules_url(Settings(), own))


async def _fill(url: str, number: int) -> None:
    async with _database(url) as database:
        for name, kind, parameters in simulated_rules(1, number):
            await database.add(name, kind, parameters, "")


async def _change(url: str) -> tuple[int, float]:
    """Change a rule; return its version and the time (s)."""
    async with _database(url) as database:
        await database.set("rule-0000", kind="max-amount", parameters='{"limit": 1000000}')
        return (await database.changes(0))[-1].version, time.time()


def _wait(worker: Worker, number: float) -> None:
    """Wait until `number` have been checked; poll rarely, because a request takes CPU time too."""
    while _checked(worker) < number:
        time.sleep(POLL_INTERVAL)


def _checked(worker: Worker) -> float:
    """Return the number of transactions and rule changes processed since the worker's start."""
    return _metric(worker, 'eventfold_records_total{[^}]*table="verdicts"[^}]*}')


def _metric(worker: Worker, pattern: str) -> float:
    text = worker.ask("/metrics").body.decode()
    return sum(map(float, re.findall(rf"^{pattern} (\S+)", text, re.MULTILINE)))


def _cpu(worker: Worker) -> float:
    """Return the CPU time of the worker so far (s)."""
    if worker.process is None:
        raise RuntimeError("the worker is not started")
    return _cpu_time(psutil.Process(worker.process.pid))


def _cpu_of_others(worker: Worker) -> dict[str, float]:
    """Return the CPU time (s) of load and broker, which share the worker's cores."""
    ours = psutil.Process()
    broker = [
        each
        for each in ours.children(recursive=True)
        if worker.process is None or each.pid != worker.process.pid
    ]
    return {"load": _cpu_time(ours), "broker": sum(map(_cpu_time, broker))}


def _cpu_time(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
