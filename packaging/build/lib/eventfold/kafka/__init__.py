"""Kafka: a transport in micro-batches (one Faust event is one fetch from one partition), clients.

It imports nothing here: the engine needs the clients, and the transport needs the engine.
"""
