"""Logs, traces and the watchdog of the event loop."""
