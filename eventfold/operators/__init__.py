"""Operators: what a user's own functions are given, and what they are built from."""
