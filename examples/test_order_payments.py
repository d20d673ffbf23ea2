"""Orders and payments, in a driver."""

from order_payments import (
    CheckedOrder,
    Order,
    Payment,
    app,
    checked_orders,
    orders,
    payments,
    unpaid_orders,
)

from eventfold.testing import TopologyDriver

MINUTE = 60_000


def test_paid_order_is_joined_and_unpaid_one_is_reported_after_the_time() -> None:
    """A payment may arrive before its order."""
    with TopologyDriver(app, partitions=2) as driver:
        noon = driver.now
        driver.pipe(payments, Payment(7, 500, noon + MINUTE))
        driver.pipe(orders, Order(7, "Ada", 500, noon), Order(8, "Bob", 900, noon))
        driver.settle()
        (output,) = checked_orders.topics
        assert driver.read(output) == [CheckedOrder(7, "Ada", 500, 500, noon)]

        driver.advance("30m")
        late = [Order(each, "Eve", 0, noon + 30 * MINUTE) for each in range(20)]
        driver.pipe(orders, *late)
        driver.settle()
        (unpaid,) = unpaid_orders.topics
        assert driver.read(unpaid) == [CheckedOrder(8, "Bob", 900, 0, noon)]
