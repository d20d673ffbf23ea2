"""The market: candles, the day's gainers, surges, trends."""

from app.market.settings import MarketSettings
from app.use_case import UseCase

USE_CASE = UseCase("market", MarketSettings, simulation="market", is_main=True)
