"""The engine: tasks, rows, checkpoints, restore, retention, the ordered store and its queries."""
