"""Settings that make a client of librdkafka go on as soon as a broker is back."""

#: Settings of a `confluent_kafka` client. It would wait up to 10 s to connect again; and when a
#: starting broker returns no brokers, it drops all it knew (confluentinc/librdkafka#5301), and
#: would return to `bootstrap.servers` after 5 min only.
PATIENCE = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 250,
    "metadata.recovery.rebootstrap.trigger.ms": 3_000,
}
