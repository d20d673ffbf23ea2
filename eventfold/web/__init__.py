"""Pages, queries, live updates, health, metrics: what a worker says over HTTP."""
