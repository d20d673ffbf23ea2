"""Worker: the application, its checks at the start, and the watchdogs while it runs."""
