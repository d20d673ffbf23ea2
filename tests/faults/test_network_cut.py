"""One of two workers is cut off from the broker: it is replaced, and publishes nothing more."""

import re
from pathlib import Path

import pytest
from exactness import assert_exact
from namespace import namespace
from offset_watch import OffsetWatch
from shares import PARTITIONS, wait_shared, wait_taken_over
from steady_load import RATE, SETTINGS, Load, wait_flow
from workers import Market, until

from eventfold.embedded import LocalBroker, Node, ports

#: Fenced by the broker, or out of reach of it until its partitions were revoked.
GIVEN_UP = re.compile("fenced|no last checkpoint")


@pytest.mark.timeout(400)
def test_worker_cut_off_from_the_broker_is_replaced_and_adds_nothing(tmp_path: Path) -> None:
    """For longer than a session one of two workers reaches no broker; then it does again.

    The other has its partitions by then; what the first still has to publish is rejected, no offset
    goes back; it logs what it lost, joins again and works on.
    """
    with namespace() as place:
        inside = f"{place.host}:{ports.free()}"
        node = Node(ports.free(), addresses=(inside,))
        with LocalBroker(tmp_path / "broker", node=node) as broker:
            market = Market(broker.bootstrap, tmp_path)
            far = market.worker(**SETTINGS, BROKER_URL=inside, WEB_BIND=place.guest)
            far.environment["TICKSTREAM_WEB_OPEN"] = "true"
            far.launcher, far.url = place.launcher, f"http://{place.guest}:{far.port}"
            far.environment["WEB_HOST"] = place.guest
            with market.worker(**SETTINGS) as near, far:
                wait_shared(near, far)
                with Load(broker.bootstrap) as load, OffsetWatch(market, len(PARTITIONS)):
                    wait_flow(market)
                    load.wait_sent(2 * RATE)
                    place.cut()
                    wait_taken_over(near)
                    load.wait_sent(2 * RATE)
                    place.heal()
                    until(lambda: GIVEN_UP.search(far.log), 60)
                    wait_flow(market, after="the cut")
                    wait_shared(far, near)
                    load.wait_sent(2 * RATE)
                assert_exact(market, load.sent)
