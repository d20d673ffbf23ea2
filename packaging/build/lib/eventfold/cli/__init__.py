"""Command line: how each command ends, with one line and an exit code."""
