"""Maintenance: machines that drift, jump or are silent."""
