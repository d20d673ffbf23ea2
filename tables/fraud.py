"""State of each card, and the latest alerts: `agents/fraud.py` -> `/api/alerts`."""

from app import app
from app.fraud.detection import CardState, Fraud
from app.fraud.records import Alert
from app.fraud.settings import settings
from app.fraud.topics import ALERTS, PAYMENTS
from app.market.settings import DAY

fraud = app.processor(
    PAYMENTS,
    name="fraud",
    state=CardState,
    shared=tuple[int, Alert],
    outputs=[ALERTS],
    grace=settings().fraud_grace,
    # A card that was unused for longer starts a new history.
    retention=90 * DAY.size,
    help="The latest payments, place and usual amounts of each card",
    agent=False,
)(Fraud(settings()))
