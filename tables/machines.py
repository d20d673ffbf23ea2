"""State of each machine, and the latest maintenance notices.

Written by `agents/maintenance.py`; read by the web's `/api/maintenance`.
"""

from app import app
from app.maintenance.detection import MachineState, Watch
from app.maintenance.records import Maintenance
from app.maintenance.settings import settings
from app.maintenance.topics import MAINTENANCE, READINGS
from app.market.settings import DAY
from eventfold.engine.keyed_table import KeyedTable

machines = KeyedTable(
    app,
    name="machines",
    source=READINGS,
    process=Watch(settings()),
    state=MachineState,
    shared=tuple[int, Maintenance],
    outputs=[MAINTENANCE],
    grace=settings().maintenance_grace,
    # A machine that was silent for longer gets new baselines.
    retention=30 * DAY.size,
    version=2,
    help="What is usual for each sensor of each machine",
)
