"""Fraud: payments that do not look like their card's owner."""

from app.fraud.settings import FraudSettings
from app.use_case import UseCase

USE_CASE = UseCase("fraud", FraudSettings, simulation="payments")
