"""Kafka, a simulated market and a worker on one machine (`faust -A app up`)."""
