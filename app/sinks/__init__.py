"""Sinks: writers of records to systems outside Kafka, here a CSV file."""
