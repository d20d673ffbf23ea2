"""All of it on one machine: Kafka, a simulated market and a worker (`faust -A app up`)."""
