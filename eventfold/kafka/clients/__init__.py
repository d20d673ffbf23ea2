"""Kafka clients of this process: connections, producers, tokens, topic ids.

The engine is built on them, so they import neither the engine nor the rest of `eventfold.kafka`.
"""
