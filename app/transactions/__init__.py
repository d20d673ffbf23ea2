"""Transactions: each checked against rules from a database."""
