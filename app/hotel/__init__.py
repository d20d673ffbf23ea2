"""Hotel: service actions for guests who wait too long."""

from app.hotel.settings import HotelSettings
from app.use_case import UseCase

USE_CASE = UseCase("hotel", HotelSettings, simulation="guests")
