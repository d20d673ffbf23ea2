"""Fixtures: the product's pipeline in a driver, and small applications made for the tests."""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
import redeclared
from hypothesis import settings
from redeclared import Deploy
from sensors import NewSensors, Sensors, declare
from worker_scenarios import Market

from app import app
from app.settings import Settings
from eventfold.native import extension
from eventfold.testing import TopologyDriver
from tables.candles import candles
from tables.days import days
from tables.gainers import gainers

settings.register_profile("tickstream", deadline=None, database=None, print_blob=True)
settings.load_profile("tickstream")


@pytest.fixture(scope="module", autouse=True)
def max_ahead() -> Iterator[None]:
    """Allow events an hour ahead of their timestamps: stories pipe an hour at one instant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TICKSTREAM_MAX_AHEAD", "1h")  # for applications that tests declare
        patch.setattr(app.tasks, "conf", app.tasks.conf.model_copy(update={"max_ahead": 3_600_000}))
        yield


@pytest.fixture(scope="session")
def market() -> Market:
    """Return a function that makes a driver of all stages."""

    def make(**options: Any) -> TopologyDriver:
        return TopologyDriver(app, tables=[candles, days, gainers], **options)

    return make


@pytest.fixture(scope="module", params=["as installed", "TICKSTREAM_NATIVE=false"])
def folding(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the tests of a module by native code where it is installed, and again without it."""
    if request.param == "as installed":
        yield
        return
    if extension() is None:
        pytest.skip("the native extension is not installed: make native")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.tasks, "conf", app.tasks.conf.model_copy(update={"native": False}))
        yield


@pytest.fixture
def new_sensors(tmp_path_factory: pytest.TempPathFactory) -> NewSensors:
    """Return a function that declares an application which sums up readings."""

    def make(**options: Any) -> Sensors:
        return declare(Settings(APP_DATADIR=tmp_path_factory.mktemp("sensors")), **options)

    return make


@pytest.fixture
def sensors(new_sensors: NewSensors) -> Sensors:
    """Declare an application that sums up readings, with default options."""
    return new_sensors()


@pytest.fixture(scope="module", params=["native", "pure"])
def deploy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """Return a function that declares an application folding trades natively or in pure Python."""
    native = request.param == "native"
    if native and extension() is None:
        pytest.skip("the native extension is not installed: make native")
    directory = tmp_path_factory.mktemp("trades")
    return cache(partial(redeclared.declare, directory=directory, native=native))
