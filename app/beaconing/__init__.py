"""Beaconing: hosts that contact a destination at regular intervals."""
