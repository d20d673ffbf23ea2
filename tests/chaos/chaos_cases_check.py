"""Check of the output of the pipelines other than the market's.

The truths are those of tests/patterns.
"""

import json
from collections import Counter
from collections.abc import Callable

import truth
from beacon_truth import beacons
from chaos_cases import MOST
from crash_run import CrashRun, Output, _read
from fraud_truth import alerts
from hotel_truth import service_actions
from joined_inputs import read_all
from log_truth import CLASSES, severity
from maintenance_truth import maintenance
from partition_log import Entry, differences
from shop_check import check_enriched, check_pairs, check_rates
from verdict_truth import Row, Truth
from workers import Market

from app.hotel.topics import GUEST_LOG
from app.logs.topics import LOGS_BY_CLASS

#: Output, its source, its truth, and what identifies one of its records.
CASES: tuple[tuple[str, str, Callable, tuple[str, ...]], ...] = (
    ("alerts", "payments", alerts, ("partition", "offset", "rule")),
    ("maintenance", "readings", maintenance, ("partition", "time", "kind", "sensor", "machine")),
    ("beacons", "conn-events", beacons, ("partition", "offset")),
    ("service-actions", GUEST_LOG.base_name, service_actions, ("partition", "offset")),
)

AVRO = "conn-events-avro"

OUTPUTS = [
    *("alerts", "maintenance", "beacons", "service-actions", AVRO),
    *(topic.base_name for topic in LOGS_BY_CLASS.values()),
    *("search-clicks", "search-alone", "click-through", "clicks-enriched"),
    *("transactions-validated", "transactions-rejected", "dead-letters"),
]


class CasesCheck:
    """Problems found, and how many results were compared."""

    def __init__(self, market: Market, rules: list[Row]) -> None:
        self._market = market
        self._rules = rules
        decode = {AVRO: bytes}
        found = {name: _read(market, name, decode.get(name, json.loads)) for name in OUTPUTS}
        self._run = CrashRun(found, in_flight=0, seconds=0)
        self.compared = sum(map(len, found.values()))
        self.problems: list[str] = []
        for check in (self._cases, self._logs, self._avro, self._guests, self._verdicts):
            check()
        for demand in (check_pairs, check_rates, check_enriched):
            try:
                demand(market, self._run)
            except AssertionError as error:
                self.problems.append(f"{demand.__name__}: {error!r}")

    def _note(self, what: str, wrong: list[object]) -> None:
        if wrong:
            examples = "; ".join(map(str, wrong[:3]))
            self.problems.append(f"{what}: {len(wrong)}, such as {examples}")

    def _same(self, what: str, expected: Counter, found: Counter) -> None:
        self._note(f"{what}: missing", list((expected - found).elements()))
        self._note(f"{what}: should not be there", list((found - expected).elements()))

    def _places(self, topic: str) -> Counter[str]:
        name = self._topic(topic)
        return Counter(
            f"{name}-{each.partition()}-{each.offset()}"
            for each in truth.read(self._market.bootstrap, name)
        )

    def _topic(self, name: str) -> str:
        return self._market.name_of(GUEST_LOG) if name == GUEST_LOG.base_name else name

    def _dead(self, *topics: str) -> set[str]:
        return {
            f"{each.value['topic']}-{each.value['partition']}-{each.value['offset']}"
            for each in self._run.outputs["dead-letters"]
            if each.value["topic"] in topics
        }

    def _cases(self) -> None:
        for output, source, right, identity in CASES:
            entries = [
                Entry(each.partition(), each.offset(), each.value())
                for each in truth.read(self._market.bootstrap, self._topic(source))
            ]
            wrong = differences(right(entries), self._run.values(output), *identity)
            self._note(output, list(wrong))

    def _logs(self) -> None:
        expected: Counter[tuple[str, str, int]] = Counter()
        dead: Counter[str] = Counter()
        for each in truth.read(self._market.bootstrap, "logs"):
            place, found = f"logs-{each.partition()}-{each.offset()}", severity(each.value())
            if found is None:
                dead[place] += 1
            else:
                expected[f"logs-{CLASSES[found]}", place, found] += 1
        lines = Counter(
            (topic.base_name, each.source, each.value["severity"])
            for topic in LOGS_BY_CLASS.values()
            for each in self._run.outputs[topic.base_name]
        )
        self._same("logs", expected, lines)
        self._same("dead letters of logs", dead, Counter(self._dead("logs")))

    def _avro(self) -> None:
        dead = self._dead("conn-events")
        expected = Counter(p for p in self._places("conn-events").elements() if p not in dead)
        self._same(AVRO, expected, Counter(each.source for each in self._run.outputs[AVRO]))

    def _guests(self) -> None:
        both = self._places("guests") + self._places("guest-events")
        dead = self._dead("guests", "guest-events")
        log = truth.read(self._market.bootstrap, self._market.name_of(GUEST_LOG))
        found = Counter(dict(each.headers())["source"].decode() for each in log)
        self._same("guest log", Counter(p for p in both.elements() if p not in dead), found)

    def _verdicts(self) -> None:
        verdicts: dict[tuple[int, int], Output] = {}
        for topic in "transactions-validated", "transactions-rejected":
            for each in self._run.outputs[topic]:
                verdicts[each.value["partition"], each.value["offset"]] = each
        inputs = sorted(read_all(self._market, "transactions"), key=lambda each: each[:2])
        counted = Counter(
            (each.value["partition"], each.value["offset"])
            for topic in ("transactions-validated", "transactions-rejected")
            for each in self._run.outputs[topic]
        )
        self._same("verdicts", Counter((p, o) for p, o, *_ in inputs), counted)
        judge, wrong = Truth(self._rules, MOST), []
        for partition, offset, _, transaction in inputs:
            output = verdicts.get((partition, offset))
            if output is None:
                continue
            verdict = output.value
            right = judge.judge(transaction, verdict["rules_version"])
            reasons = [(each["rule"], each["version"]) for each in verdict["reasons"]]
            if (verdict["accepted"], reasons) != (right.accepted, right.reasons):
                wrong.append(f"{verdict['id']}: {reasons}, expected {right.reasons}")
        self._note("verdicts that are not those of their rules", list(wrong))
