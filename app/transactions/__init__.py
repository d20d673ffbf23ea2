"""Transactions: each checked against rules from a database."""

from app.transactions.settings import TransactionSettings
from app.use_case import UseCase

USE_CASE = UseCase("transactions", TransactionSettings, simulation="transactions")
