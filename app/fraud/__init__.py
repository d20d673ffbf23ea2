"""Fraud: payments that do not look like their card's owner."""
