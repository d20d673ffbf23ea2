"""What workers do at this moment, read from their web API and `/metrics` (`faust -A app top`)."""
