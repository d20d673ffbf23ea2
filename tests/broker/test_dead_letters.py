"""`faust -A app deadletters` on a real broker: what is sent again counts once, whatever happens.

The streams are those of `tests/own/scales.py`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import truth
from confluent_kafka import Consumer, TopicPartition
from new_topics import create
from workers import MINUTE, Market, Record, Worker, until

from eventfold.cli.letters.resending import CHUNK

OWN = Path(__file__).parents[1] / "own"
STREAMS = {"TICKSTREAM_MODULES": "scales", "PYTHONPATH": str(OWN), "TOPIC_PARTITIONS": "3"}

#: Minute of the first weight; a weight a second.
START = int(time.time() * 1000) // MINUTE * MINUTE - 50 * MINUTE
#: Records of `weights`; two of five have a unit, so that they are no numbers.
NUMBER = 2_500
SCALES = 7

Windows = dict[tuple[str, int], tuple[int, float]]


def weight(n: int, grams: object) -> Record:
    """Make the record of a weight, sent now."""
    value = {"scale": f"scale-{n % SCALES}", "grams": grams, "time": START + n * 1_000}
    return f"scale-{n % SCALES}", json.dumps(value).encode(), int(time.time() * 1000)


def grams(n: int) -> float:
    """Return the n-th weight."""
    return n * 37 % 1_001 / 4


def with_unit(n: int) -> bool:
    """Return whether the n-th weight is written with its unit."""
    return n % 5 in (1, 3)


def oracle(numbers: Iterator[int] | range | list[int]) -> Windows:
    """Compute number and highest of each scale and minute by a naive loop."""
    found: dict[tuple[str, int], list[float]] = {}
    for n in numbers:
        start = (START + n * 1_000) // MINUTE * MINUTE
        found.setdefault((f"scale-{n % SCALES}", start), []).append(grams(n))
    return {each: (len(values), max(values)) for each, values in found.items()}


@pytest.fixture(scope="module")
def worker(market: Market) -> Iterator[Worker]:
    """Run a worker over the records of all three topics, until the wrong ones are dead letters."""
    for topic in "weights", "gauges", "heights":
        create(market.bootstrap, topic, 3)
    market.send(
        (weight(n, f"{grams(n)} g" if with_unit(n) else grams(n)) for n in range(NUMBER)),
        "weights",
    )
    for topic in "gauges", "heights":
        market.send([weight(1, 5), weight(2, -5), weight(3, "5 g")], topic)
    with market.worker(**STREAMS) as running:
        wrong = sum(map(with_unit, range(NUMBER))) + 4
        until(lambda: sum(1 for _ in truth.read(market.bootstrap, "dead-letters")) == wrong, 60)
        yield running


class Command:
    """The command, with the settings of the worker."""

    def __init__(self, worker: Worker) -> None:
        self._environment = os.environ | worker.environment

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [Path(sys.executable).with_name("faust"), "-A", "app", "deadletters", *arguments],
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run it, and return its output; its error output if `code` is not 0."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        return err if code else out

    def json(self, *arguments: str) -> Any:
        """Run it with --json, and return what it prints."""
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture(scope="module")
def letters(worker: Worker) -> Command:
    """Return the command."""
    return Command(worker)


def windows(market: Market) -> Windows:
    """Return number and highest of each window, of its last revision."""
    rows = sorted(
        (
            json.loads(message.value())
            for message in truth.read(market.bootstrap, "totals-by-minute")
        ),
        key=lambda row: row["revision"],
    )
    return {(row["scale"], row["start"]): (row["number"], row["highest"]) for row in rows}


def sent_again(market: Market, topic: str) -> Counter[bytes]:
    """Return how often a record was sent again for each dead letter."""
    return Counter(
        value
        for message in truth.read(market.bootstrap, topic)
        for name, value in message.headers() or ()
        if name == "Tickstream-Resent"
    )


def offsets(market: Market, topic: str) -> int:
    """Return the sum of a topic's end offsets, open transactions included."""
    consumer = Consumer({"bootstrap.servers": market.bootstrap, "group.id": "offsets"})
    try:
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, n))[1] for n in range(3))
    finally:
        consumer.close()


def place_of(market: Market, topic: str, value: bytes) -> str:
    """Return the coordinates of the record with a value."""
    (found,) = (each for each in truth.read(market.bootstrap, topic) if each.value() == value)
    return f"{topic}-{found.partition()}-{found.offset()}"


def test_letters_are_listed_by_topic_step_and_reason(letters: Command) -> None:
    """With number, times and a sample that `show` knows; records of other topics are left out."""
    (group,) = letters.json("list", "--topic", "weights")
    assert (group["step"], group["letters"], group["resent"]) == ("decode", NUMBER * 2 // 5, 0)
    assert group["error"].endswith("Expected `float`, got `str` - at `$.grams`")
    assert 0 < group["first"] <= group["last"]
    shown = letters.json("show", group["sample"])
    assert '"grams": "' in shown["value"]
    assert shown["obstacle"].startswith("still unreadable: ")
    assert shown["resend"].endswith(f"resend {group['sample']} --fix FIELD=VALUE")
    groups = letters.json("list", "--reason", "NEGATIVE")
    steps = {(each["topic"], each["step"]): each["letters"] for each in groups}
    assert steps == {("gauges", "gauges-checked"): 1, ("heights", "heights-checked"): 1}
    assert letters.json("list", "--until", str(START)) == []


def test_unreadable_records_are_not_sent_without_a_fix(market: Market, letters: Command) -> None:
    """The command ends with 3 and the reason."""
    before = offsets(market, "weights")
    assert (
        letters.run("resend", "--topic", "weights", code=3)
        == "1,000 of 1,000 can't be sent again\n"
    )
    # Opening the only writer writes nothing there.
    assert offsets(market, "weights") == before


@pytest.mark.timeout(300)
def test_killed_resend_is_completed_and_each_record_counts_once(
    market: Market, letters: Command
) -> None:
    """A kill in the middle, two commands at a time, one more: windows are those of all records."""
    wrong, before = NUMBER * 2 // 5, offsets(market, "weights")
    good = [n for n in range(NUMBER) if not with_unit(n)]
    until(lambda: windows(market) == oracle(good))
    arguments = ("resend", "--topic", "weights", "--fix-with", "scales:without_unit")
    dry_run = letters.json(*arguments, "--dry-run")
    assert (dry_run["sent"], dry_run["not_sent"], dry_run["late"]) == (wrong, [], {})
    assert offsets(market, "weights") == before

    killed = letters.start(*arguments, WAIT_AT_RECORD=str(CHUNK + 1))
    until(lambda: len(sent_again(market, "weights")) == CHUNK, 60)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    for each in [letters.start(*arguments) for _ in range(2)]:
        _, err = each.communicate(timeout=120)
        assert each.returncode == 0 or "another resend has begun" in err
    left = letters.json(*arguments)
    assert left["sent"] + left["already"] == wrong
    assert letters.json(*arguments)["already"] == wrong
    found = sent_again(market, "weights")
    assert (len(found), found.total()) == (wrong, wrong)
    until(lambda: windows(market) == oracle(range(NUMBER)))
    (group,) = letters.json("list", "--topic", "weights")
    assert group["resent"] == wrong


def test_record_that_one_of_two_tables_counted_is_refused(market: Market, letters: Command) -> None:
    """The reason names both; a record that none could read is sent."""
    counted = place_of(market, "gauges", weight(2, -5)[1])
    shown = letters.json("show", counted)
    reason = "gauges-checked refused it, gauged counted it already and would count it twice"
    assert (shown["obstacle"], shown["resend"]) == (reason, "")
    letters.run("resend", counted, "--fix", "grams=5", code=3)
    assert not sent_again(market, "gauges")
    unreadable = place_of(market, "gauges", weight(3, "5 g")[1])
    assert letters.json("resend", unreadable, "--fix", "grams=5")["sent"] == 1
    (fixed,) = (message for message in truth.read(market.bootstrap, "gauges") if message.headers())
    assert json.loads(fixed.value()) == json.loads(weight(3, 5)[1])
    assert fixed.key() == weight(3, 5)[0].encode()


def test_record_that_fails_again_is_listed_as_such(market: Market, letters: Command) -> None:
    """Its letter points back to the first one, and it can be sent again in turn."""
    place = place_of(market, "heights", weight(2, -5)[1])
    (sent,) = letters.json("resend", place)["places"]

    def groups() -> dict[str, Any]:
        return {each["step"]: each for each in letters.json("list", "--topic", "heights")}

    until(lambda: groups()["heights-checked"]["letters"] == 2)
    group = groups()["heights-checked"]
    assert (group["resent"], group["again"], group["sample"]) == (1, 1, sent["sent"])
    assert letters.json("show", sent["sent"])["again"].startswith(f"of {place}, ")
    assert letters.json("show", place)["resent"].startswith(f"as {sent['sent']}, ")
    assert letters.json("resend", sent["sent"], "--fix", "grams=5")["sent"] == 1
    assert letters.json("resend", place, "--fix", "grams=5")["already"] == 1
    until(lambda: sum(1 for _ in truth.read(market.bootstrap, "positive-heights")) == 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resend"], "resend: which? Coordinates, filters such as --topic, or --all alone"),
        (["resend", "--all", "--topic", "weights"], "resend: which?"),
        (["resend", "ticks"], "'ticks' is no TOPIC-PARTITION-OFFSET"),
        (["resend", "--all", "--fix", "grams"], "--fix: 'grams' is neither FIELD=VALUE nor"),
        (["resend", "--all", "--fix-with", "nowhere:fix"], "nowhere:fix can't be imported"),
        (["list", "--all"], "list: --all, --dry-run, --fix... and --despite are for resend"),
        (["show"], "show: which? Coordinates of one record"),
    ],
)
def test_wrong_options_are_named_in_one_line(
    letters: Command, arguments: list[str], message: str
) -> None:
    """Before a broker is asked for anything."""
    assert message in letters.run(*arguments, code=2).splitlines()[-1]


def test_record_that_was_refused_before_a_reset_is_not_sent(
    market: Market, worker: Worker, letters: Command
) -> None:
    """The application reads all again, and may count it; what it refuses then can be sent."""
    unreadable = place_of(market, "heights", weight(3, "5 g")[1])
    assert letters.json("resend", unreadable, "--fix", "grams=5", "--dry-run")["sent"] == 1
    worker.stop()
    done = worker.command("reset", "--yes")
    assert done.returncode == 0, done.stderr
    letters.run("resend", unreadable, "--fix", "grams=5", code=3)
    assert "was reset after this letter" in letters.json("show", unreadable)["obstacle"]
    worker.start()
    until(lambda: letters.json("show", unreadable)["obstacle"].startswith("still unreadable"))
    assert letters.json("resend", unreadable, "--fix", "grams=5")["sent"] == 1
