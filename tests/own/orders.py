"""orders -> large-orders: an ordinary Faust agent, record by record, beside the batches."""

import faust

from app import app


class Order(faust.Record):
    """An order of an item."""

    item: str
    cents: int


orders = app.topic("orders", key_type=str, value_type=Order)
large_orders = app.topic("large-orders", key_type=str, value_type=Order)


@app.agent(orders)
async def find_large_orders(stream: faust.Stream[Order]) -> None:
    """Pass on orders of 100 euros or more."""
    async for order in stream.filter(lambda order: order.cents >= 100_00):
        await large_orders.send(key=order.item, value=order)
