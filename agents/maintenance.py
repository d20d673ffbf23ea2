"""readings -> machines (a state of each machine) -> maintenance."""

from app import app
from tables.machines import machines

fold_readings = app.fold(machines)
