"""Sinks: writers of records to outside of Kafka: a CSV file."""
