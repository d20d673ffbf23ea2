"""Hotel: service actions for guests who wait too long."""
