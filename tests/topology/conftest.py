"""The product's own pipeline in a driver, and applications of one's own."""

from typing import Any

import pytest
from hypothesis import settings
from lives import Market
from sensors import NewSensors, Sensors, declare

from app import app
from app.settings import Settings
from app.testing import TopologyDriver
from tables.candles import candles
from tables.days import days
from tables.gainers import gainers

settings.register_profile("tickstream", deadline=None, database=None, print_blob=True)
settings.load_profile("tickstream")


@pytest.fixture(scope="session")
def market() -> Market:
    """Give a function that makes a driver of all stages."""

    def make(**options: Any) -> TopologyDriver:
        return TopologyDriver(app, tables=[candles, days, gainers], **options)

    return make


@pytest.fixture
def new_sensors(tmp_path_factory: pytest.TempPathFactory) -> NewSensors:
    """Give a function that declares an application which sums up readings."""

    def make(**options: Any) -> Sensors:
        return declare(Settings(APP_DATADIR=tmp_path_factory.mktemp("sensors")), **options)

    return make


@pytest.fixture
def sensors(new_sensors: NewSensors) -> Sensors:
    """Declare such an application, with nothing unusual."""
    return new_sensors()
