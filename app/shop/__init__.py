"""Shop: joins of searches with clicks, and of clicks with profiles."""

from app.shop.settings import ShopSettings
from app.use_case import UseCase

USE_CASE = UseCase("shop", ShopSettings, simulation="shop", title="searches and clicks")
