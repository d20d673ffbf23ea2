"""Settings of the application: the library's, and those of each use case."""

from functools import cache

from pydantic import Field

from app.beaconing.settings import BeaconSettings
from app.fraud.settings import FraudSettings
from app.hotel.settings import HotelSettings
from app.maintenance.settings import MaintenanceSettings
from app.market.settings import MarketSettings
from app.shop.settings import ShopSettings
from app.transactions.settings import TransactionSettings
from eventfold import settings as library
from eventfold.settings.fields import Names


class Settings(
    MarketSettings,
    FraudSettings,
    MaintenanceSettings,
    BeaconSettings,
    HotelSettings,
    ShopSettings,
    TransactionSettings,
    library.Settings,
):
    """Settings of one process, read from its environment."""

    model_config = library.prefixed("TICKSTREAM_")

    pipelines: Names = Field(
        (),
        description="Pipelines to run (modules of agents/); if not set all of them, or none beside "
        "your own modules; `none` says so too. Belongs to the application id",
    )

    @classmethod
    def selection(cls) -> tuple[str, ...]:
        """Return the variables that choose what a worker runs."""
        return cls.variable("pipelines"), *super().selection()


@cache
def settings() -> Settings:
    """Return the settings of this process, which are read once."""
    return Settings.load()


library.use(settings, Settings.prefix())
