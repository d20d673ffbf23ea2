"""Screen of an application's workers, from their web API and `/metrics` (`faust -A app top`)."""
