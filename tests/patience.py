"""Settings that make a client of librdkafka go on as soon as a broker is back."""

#: Settings of a `confluent_kafka` client. It would wait up to 10 s to connect again; and where a
#: broker that starts tells it of no brokers it forgets all it knew (confluentinc/librdkafka#5301),
#: and would begin anew with `bootstrap.servers` after 5 min only.
PATIENCE = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 250,
    "metadata.recovery.rebootstrap.trigger.ms": 3_000,
}
