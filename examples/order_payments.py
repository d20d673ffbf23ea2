"""Orders and payments: each order with its payment, or without one after 10 minutes."""

from dataclasses import dataclass

import eventfold as ef

app = ef.App("orders")


@dataclass
class Order:
    """A customer orders something."""

    id: int
    customer: str
    cents: int
    time: int


@dataclass
class Payment:
    """An order is paid."""

    order: int
    cents: int
    time: int


@dataclass
class CheckedOrder:
    """An order, and what was paid for it within 10 minutes."""

    id: int
    customer: str
    cents: int
    paid: int
    time: int


orders = ef.Topic("orders", Order, key="id")
payments = ef.Topic("payments", Payment, key="order")


@app.join(orders, payments, within="10m", how="left", to="checked-orders")
def checked_orders(order: Order, payment: Payment | None) -> CheckedOrder:
    """Return the order with its payment."""
    paid = payment.cents if payment else 0
    return CheckedOrder(order.id, order.customer, order.cents, paid, order.time)


@app.filter(checked_orders, to="unpaid-orders")
def unpaid_orders(order: CheckedOrder) -> bool:
    """Keep the orders that are not paid in full."""
    return order.paid < order.cents
