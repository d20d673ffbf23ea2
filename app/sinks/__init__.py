"""Where records go outside of Kafka: a CSV file."""
