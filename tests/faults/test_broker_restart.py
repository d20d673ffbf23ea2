"""The only broker goes away under load and comes back: the worker outlives it, exactly."""

import os
import signal

import pytest
from exactness import assert_exact
from steady_load import RATE, SETTINGS, Load, wait_flow
from workers import Market, until

from eventfold.embedded import LocalBroker

#: Each pipeline has tasks that a broker may leave half open, so all of them run.
EVERYTHING = {**SETTINGS, "TICKSTREAM_PIPELINES": ""}

#: Seconds that the broker is frozen: longer than a session of 6 s, and with CHAOS than requests.
FROZEN = 30 if os.environ.get("CHAOS") else 8


@pytest.mark.timeout(400)
def test_a_broker_that_restarts_costs_nothing(own_broker: LocalBroker, own_market: Market) -> None:
    """One worker goes on by itself after a stop in order and after SIGKILL of the broker."""
    with own_market.worker(**EVERYTHING) as worker:
        process = worker.process
        with Load(own_broker.bootstrap) as load:
            wait_flow(own_market)
            for end in (LocalBroker.stop, LocalBroker.kill):
                load.wait_sent(2 * RATE)
                end(own_broker)
                load.wait_sent(2 * RATE)
                own_broker.start()
                wait_flow(own_market, after=f"the broker's {end.__name__} and start")
            load.wait_sent(2 * RATE)
        assert_exact(own_market, load.sent)
        assert worker.process is process


@pytest.mark.timeout(400)
def test_a_broker_frozen_for_longer_than_a_session_costs_nothing(
    own_broker: LocalBroker, own_market: Market
) -> None:
    """A broker that neither answers nor hangs up, then goes on: so does the worker by itself.

    With CHAOS=1 it is frozen for 30 s, which requests of the consumer do not outlast.
    """
    with own_market.worker(**SETTINGS) as worker:
        process, broker = worker.process, own_broker.pid
        assert broker is not None
        with Load(own_broker.bootstrap) as load:
            wait_flow(own_market)
            load.wait_sent(2 * RATE)
            os.kill(broker, signal.SIGSTOP)
            load.wait_sent(FROZEN * RATE)
            os.kill(broker, signal.SIGCONT)
            wait_flow(own_market, after=f"{FROZEN} s frozen")
            load.wait_sent(2 * RATE)
        assert_exact(own_market, load.sent)
        assert worker.process is process


def test_a_worker_without_a_broker_is_quiet_and_stops_in_time(
    own_broker: LocalBroker, own_market: Market
) -> None:
    """While the broker is away the log stays readable, and SIGTERM ends the worker within 10 s."""
    with own_market.worker(**SETTINGS) as worker, Load(own_broker.bootstrap) as load:
        wait_flow(own_market)
        before = len(worker.log.splitlines())
        own_broker.kill()
        load.wait_sent(6 * RATE)
        until(lambda: "Unable connect to node" in worker.log)
        said = worker.log.splitlines()[before:]
        # Each kind of complaint once in 10 s, some with a traceback.
        complaints = [line for line in said if line.startswith("[")]
        assert len(complaints) < 60, "\n".join(said)
        assert worker.stop(timeout=10) == 0
        assert "never retrieved" not in worker.log
        assert "was destroyed" not in worker.log
        own_broker.start()
