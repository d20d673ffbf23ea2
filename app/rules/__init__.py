"""The rules of transactions: their database, and the feed of what changes in it."""
