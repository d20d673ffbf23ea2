"""HTTP routes of the application, in addition to the library's own."""

from app.beaconing import routes as beaconing
from app.fraud import routes as fraud
from app.hotel import routes as hotel
from app.maintenance import routes as maintenance
from app.market import routes as market
from app.shop import routes as shop
from app.transactions import routes as transactions

ROUTES = (
    *market.ROUTES,
    *fraud.ROUTES,
    *maintenance.ROUTES,
    *beaconing.ROUTES,
    *hotel.ROUTES,
    *transactions.ROUTES,
    *shop.ROUTES,
)
