"""`faust -A app NAME`: one file a command, each a class that Faust registers by its name."""
