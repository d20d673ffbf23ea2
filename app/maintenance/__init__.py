"""Maintenance: machines that drift, jump or are silent."""

from app.maintenance.settings import MaintenanceSettings
from app.use_case import UseCase

USE_CASE = UseCase("maintenance", MaintenanceSettings, simulation="machines")
