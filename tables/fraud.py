"""What is known of each card, and the latest alerts.

Written by `agents/fraud.py`; read by the web's `/api/alerts`.
"""

from app import app
from app.calc.fraud import CardState, Fraud
from app.records import Alert
from app.settings import DAY, settings
from app.topics import ALERTS, PAYMENTS
from eventfold.engine.keyed_table import KeyedTable

fraud = KeyedTable(
    app,
    name="fraud",
    source=PAYMENTS,
    process=Fraud(settings()),
    state=CardState,
    shared=tuple[int, Alert],
    outputs=[ALERTS],
    grace=settings().fraud_grace,
    # A card that was not used for so long begins a new history.
    retention=90 * DAY.size,
    help="The latest payments, place and usual amounts of each card",
)
