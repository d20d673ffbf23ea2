"""Shop: joins of searches with clicks, and of clicks with profiles."""
