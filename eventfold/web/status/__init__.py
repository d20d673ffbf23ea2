"""Status of the workers: health, readiness, metrics, lateness, and what runs where."""
