"""Status of the workers: health, readiness, metrics, lateness, topology."""
