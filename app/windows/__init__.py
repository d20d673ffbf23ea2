"""Event time: windows, panes, aggregates and lateness, without I/O and without Faust."""
