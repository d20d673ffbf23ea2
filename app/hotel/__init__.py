"""Hotel: guests who wait for too long."""
