"""State of each machine, and the latest notices: `agents/maintenance.py` -> `/api/maintenance`."""

from app import app
from app.maintenance.detection import MachineState, Watch
from app.maintenance.records import Maintenance
from app.maintenance.settings import settings
from app.maintenance.topics import MAINTENANCE, READINGS
from app.market.settings import DAY

machines = app.processor(
    READINGS,
    name="machines",
    state=MachineState,
    shared=tuple[int, Maintenance],
    outputs=[MAINTENANCE],
    grace=settings().maintenance_grace,
    # A machine that was silent for longer gets new baselines.
    retention=30 * DAY.size,
    version=2,
    help="What is usual for each sensor of each machine",
    agent=False,
)(Watch(settings()))
