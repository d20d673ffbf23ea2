"""Metrics of the database of the rules, in `/metrics` beside the library's."""

from prometheus_client import Counter, Gauge

rule_queries = Counter(
    "tickstream_rule_queries_total", "Statements sent to the database of the rules"
)
bad_rules = Counter("tickstream_bad_rules_total", "Rows of the database that are no rules")
rules_version = Gauge("tickstream_rules_version", "Version of the rules that was published last")
