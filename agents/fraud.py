"""payments -> fraud (a state of each card) -> alerts."""

from app import app
from tables.fraud import fraud

fold_payments = app.fold(fraud)
