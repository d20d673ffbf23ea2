"""Stateless operators: logs by severity, connections as Avro, each once; the schema registry.

logs -> logs-critical, logs-error, logs-warning, logs-info; conn-events -> conn-events-avro.
"""

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice

import pytest
import truth
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from crash_run import RECORDS, CrashRun, crash_run
from log_truth import CLASSES, severity
from workers import MINUTE, Market, Worker, until

from app.beaconing.topics import CONN_EVENTS
from app.logs import simulator as logs
from app.logs.topics import LOGS_BY_CLASS
from app.simulations import simulation
from eventfold.connectors.simulations import Sent

AVRO = "conn-events-avro"
LINES = [topic.base_name for topic in LOGS_BY_CLASS.values()]
PIPELINES = {"TICKSTREAM_PIPELINES": "avro,logs"}


def connections(number: int) -> list[Sent]:
    """Make connections by host; one in 50 is a bare price, as the guide's example sends them."""
    chance = random.Random(7)
    start = int(time.time() * 1000) - 10 * number
    made: list[Sent] = []
    for n in range(number):
        source, at = f"10.0.0.{chance.randrange(50)}", start + 10 * n
        value = {
            "source": source,
            "destination": f"host-{chance.randrange(900)}.example.com",
            "port": chance.choice([53, 80, 443]),
            "bytes": chance.randrange(2 ** chance.randrange(1, 60)),
            "time": at,
        }
        raw = b"%d.25" % n if chance.random() < 0.02 else json.dumps(value).encode()
        made.append((CONN_EVENTS, (source.encode(), raw, at)))
    return made


@pytest.fixture(scope="module")
def run(market: Market) -> CrashRun:
    """Run both pipelines over as many lines and connections, with a kill in the middle."""
    start = int(time.time() * 1000) - 10 * RECORDS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "BROKEN", 0.01)
        lines = list(islice(simulation("logs").make(11, 100, start), RECORDS))
    both = chain.from_iterable(zip(lines, connections(RECORDS), strict=True))
    return crash_run(
        market,
        PIPELINES["TICKSTREAM_PIPELINES"],
        list(both),
        outputs=[*LINES, AVRO, "dead-letters"],
        decode={AVRO: bytes},
    )


@pytest.fixture(scope="module")
def registry(market: Market, run: CrashRun) -> Iterator[Worker]:
    """Run a worker with a registry, after the one that was killed."""
    del run
    with market.worker(**PIPELINES) as worker:
        yield worker


def dead_letters(run: CrashRun, topic: str) -> list[str]:
    """Return the coordinates of a topic's dead letters."""
    return [each.source for each in run.outputs["dead-letters"] if each.value["topic"] == topic]


def test_each_log_line_is_routed_once_by_its_severity(market: Market, run: CrashRun) -> None:
    """Also after a crash; an unreadable line is a dead letter, and none is lost."""
    expected: dict[str, dict[str, int | None]] = {name: {} for name in [*LINES, "dead-letters"]}
    for message in truth.read(market.bootstrap, "logs"):
        found = severity(message.value())
        name = "dead-letters" if found is None else f"logs-{CLASSES[found]}"
        expected[name][f"logs-{message.partition()}-{message.offset()}"] = found
    assert sum(map(len, expected.values())) == RECORDS
    assert all(expected.values())
    for name in LINES:
        lines = run.outputs[name]
        assert {each.source: each.value["severity"] for each in lines} == expected[name]
        assert len(lines) == len(expected[name])
        assert all(
            each.value["message"] == logs._MESSAGES[each.value["severity"]] for each in lines
        )
        assert all(each.value["host"] == each.key for each in lines)
    letters = dead_letters(run, "logs")
    assert sorted(letters) == sorted(expected["dead-letters"])


@contextmanager
def client(worker: Worker) -> Iterator[SchemaRegistryClient]:
    """Yield Confluent's client of a worker's registry, with nothing cached."""
    with SchemaRegistryClient({"url": f"{worker.url}/registry"}) as made:
        yield made


def schema(*fields: str, **defaults: int) -> Schema:
    """Return a record's schema with fields of int."""
    made = [{"name": each, "type": "int"} for each in fields]
    made += [{"name": each, "type": "int", "default": value} for each, value in defaults.items()]
    return Schema(json.dumps({"type": "record", "name": "R", "fields": made}), "AVRO")


def test_a_standard_client_reads_each_connection_once(
    market: Market, run: CrashRun, registry: Worker
) -> None:
    """The worker was killed midway; a worker started anew returns the same id."""
    with client(registry) as theirs:
        deserialize = AvroDeserializer(theirs)
        context = SerializationContext(AVRO, MessageField.VALUE)
        read = {each.source: deserialize(each.value, context) for each in run.outputs[AVRO]}
    expected, prices = {}, []
    for message in truth.read(market.bootstrap, "conn-events"):
        where = f"conn-events-{message.partition()}-{message.offset()}"
        value = json.loads(message.value())
        if isinstance(value, dict):
            expected[where] = value
        else:
            prices.append(where)
    assert read == expected
    assert len(run.outputs[AVRO]) == len(expected)
    assert {each.key for each in run.outputs[AVRO]} == {each["source"] for each in read.values()}
    assert sorted(dead_letters(run, "conn-events")) == sorted(prices)
    assert expected
    assert prices


def test_two_workers_share_one_registry(market: Market, registry: Worker) -> None:
    """A schema registered with both at once has one id, and each id has one schema for ever."""
    with client(registry) as here:
        first = here.register_schema("s-first", schema("first"))
    with (
        market.worker(**PIPELINES) as second,
        client(registry) as here,
        client(second) as there,
    ):
        # A worker that has just started knows earlier schemas.
        assert json.loads(there.get_schema(first).schema_str)["fields"][0]["name"] == "first"
        names = [f"f{n}" for n in range(4)]
        with ThreadPoolExecutor(8) as pool:
            asked = [
                pool.submit(each.register_schema, f"s-{name}", schema(name))
                for name in names
                for each in (here, there)
            ]
            ids = [each.result() for each in asked]
        assert ids[::2] == ids[1::2]
        assert len({first, *ids}) == 5
        # The other worker knows it at once.
        new = here.register_schema("s-late", schema("late"))
        assert there.get_latest_version("s-late").schema_id == new
        # The schema has the same id under another subject.
        assert there.register_schema("s-again", schema("late")) == new
        assert all(
            here.get_schema(each).schema_str == there.get_schema(each).schema_str
            for each in (first, *ids, new)
        )


def test_a_replay_writes_the_same_avro(run: CrashRun, registry: Worker) -> None:
    """It uses the registered id, registers nothing, and finds no difference."""
    now, hour = int(time.time() * 1000), 60 * MINUTE
    around = f"--from={now - hour}", f"--to={now + hour}"
    found = registry.command("--json", "replay", "--topic", AVRO, "--warm-up", "1d", *around)
    assert (found.returncode, found.stderr) == (0, "")
    summary = json.loads(found.stdout)["topics"][AVRO]
    assert summary["compared"] == len(run.outputs[AVRO])


def test_invalid_record_in_the_schema_log_is_skipped(market: Market, registry: Worker) -> None:
    """It stops neither the worker nor the registry, and is logged."""
    market.send([("stray", b"no entry", int(time.time() * 1000))], "schemas", 0)
    with client(registry) as ours:
        first = ours.register_schema("after-a-stray", schema("first"))
        assert ours.get_latest_version("after-a-stray").schema_id == first
    assert registry.running
    assert "of schemas is no entry of ours" in registry.log


def rejection(call) -> tuple[int, int]:
    """Assert that the registry rejects a call; return status and error code."""
    with pytest.raises(SchemaRegistryError) as refused:
        call()
    return refused.value.http_status_code, refused.value.error_code


def test_registry_rejects_incompatible_schemas(registry: Worker) -> None:
    """By the level of the subject or the global one; with the error codes that clients know."""
    with client(registry) as ours:
        first = ours.register_schema("levels", schema("a"))
        assert rejection(lambda: ours.register_schema("levels", schema("a", "b"))) == (409, 409)
        second = ours.register_schema("levels", schema("a", b=0))
        assert second != first
        assert ours.get_versions("levels") == [1, 2]
        assert ours.lookup_schema("levels", schema("a", b=0)).version == 2
        assert not ours.test_compatibility("levels", schema("a", "c"))
        assert ours.test_compatibility("levels", schema("a", b=0, c=1))

        assert ours.get_compatibility() == "BACKWARD"
        assert rejection(lambda: ours.get_compatibility("levels")) == (404, 40408)
        ours.set_compatibility("levels", "FORWARD_TRANSITIVE")
        assert ours.get_compatibility("levels") == "FORWARD_TRANSITIVE"
        assert rejection(lambda: ours.register_schema("levels", schema("b"))) == (409, 409)
        ours.register_schema("levels", schema("a", "b"))
        ours.set_compatibility("levels", "NONE")
        ours.register_schema("levels", Schema('"string"', "AVRO"))

        assert rejection(lambda: ours.get_latest_version("nobody")) == (404, 40401)
        assert rejection(lambda: ours.get_version("levels", 99)) == (404, 40402)
        assert rejection(lambda: ours.lookup_schema("levels", schema("z"))) == (404, 40403)
        assert rejection(lambda: ours.get_schema(9999)) == (404, 40403)
        assert rejection(lambda: ours.register_schema("x", Schema("{}", "AVRO"))) == (422, 42201)
        assert rejection(lambda: ours.set_compatibility("x", "SIDEWAYS")) == (422, 42203)
        assert "levels" in ours.get_subjects()

        assert ours.delete_version("levels", 1) == 1
        assert ours.get_versions("levels") == [2, 3, 4]
        assert ours.delete_subject("levels") == [2, 3, 4]
        assert rejection(lambda: ours.get_versions("levels")) == (404, 40401)
        assert ours.get_schema(first).schema_str  # records may still carry it
        ours.set_compatibility("levels", "NONE")
    # Some versions of the client remember what they have registered, and don't ask again.
    with client(registry) as ours:
        assert ours.register_schema("levels", schema("a")) == first
        assert ours.get_versions("levels") == [5]


def test_external_registry_is_used_where_one_is_configured(
    market: Market, registry: Worker
) -> None:
    """The id is from it; a schema it rejects stops the worker, with a line that says why."""
    other = Market(market.bootstrap, market.directory)
    theirs = {
        **PIPELINES,
        "TICKSTREAM_TOPIC_PREFIX": "other.",
        "TICKSTREAM_SCHEMA_REGISTRY": f"{registry.url}/registry",
    }
    with other.worker(**theirs) as worker:
        assert worker.ask("/registry/subjects").status == 404
    subject = f"{AVRO}-value"
    with client(registry) as ours:
        ours.delete_subject(subject)
        ours.set_compatibility(subject, "FULL")
        ours.register_schema(subject, schema("wrong"))
    refused = other.worker(**theirs).start(wait=False)
    try:
        until(lambda: not refused.running)
        assert refused.exit_code == 1
        assert f"{subject} can't be registered" in refused.tail(1)
        assert "name_mismatch" in refused.tail(1)
    finally:
        refused.kill()
