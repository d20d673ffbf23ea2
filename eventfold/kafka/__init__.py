"""Kafka: a transport in micro-batches (one Faust event is one fetch from one partition), clients.

clients       connections, producers, tokens, topic ids: the engine is built on them
all others    built on the engine; none is imported by it

No other package looks at what Faust and aiokafka keep private.
"""
