"""Security settings of the web server and of the Kafka clients."""
