"""HTTP interface of a worker: pages, queries, live updates, health and metrics."""
