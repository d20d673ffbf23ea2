"""Shop: searches joined with clicks, clicks joined with profiles."""
