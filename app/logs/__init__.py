"""Logs: lines in any of several forms, by severity."""
