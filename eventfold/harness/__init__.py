"""Harness: an application's agents and tables in one process, without a consumer group.

The topology driver of `eventfold/testing` gives its workers topics in memory and a virtual clock;
`eventfold/replay` gives its worker the history in Kafka.
"""
