"""Kafka, a worker and what an application simulates, on one machine (`faust -A app up`)."""
